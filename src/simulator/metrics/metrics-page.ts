import type { Histogram } from '../../lib/histogram.ts';
import { formatValue, quoteLabel } from './number-format.ts';

export type Labels = Readonly<Record<string, string>>;

/** One metric family: a name, and where its values come from. */
export interface Family {
  /** Without the `_total` of counters. */
  readonly name: string;
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly help: string;
  readonly series: readonly Series[];
}

/** One labelled value, or one labelled histogram. */
export interface Series {
  readonly labels: Labels;
  readonly value: (() => number) | Histogram;
}

/** `text` is what a scraper gets unless it asks, version 0.0.4. */
export type PageFormat = 'text' | 'openmetrics';

export const CONTENT_TYPES: Record<PageFormat, string> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** Lines of one family with everything but the numbers filled in. */
interface Block {
  readonly header: string;
  readonly samples: readonly Sample[];
}

interface Sample {
  readonly name: string;
  /** The line up to and including the space before the value. */
  readonly prefix: string;
  readonly read: () => number;
}

const MAX_FILTERS = 16;

/** A metrics page whose text is built once; a scrape only prints numbers between the fixed parts. */
export class MetricsPage {
  readonly #blocks: Record<PageFormat, readonly Block[]>;
  readonly #filtered = new Map<string, readonly Block[]>();

  /** `createdSeconds` is the Unix time the counters started at. */
  constructor(families: readonly Family[], createdSeconds: number) {
    this.#blocks = {
      text: families.flatMap((family) => textBlocks(family, createdSeconds)),
      openmetrics: families.map((family) => openMetricsBlock(family, createdSeconds)),
    };
  }

  /** The page, or with `names` only the samples so named, as the Python client's `name[]` parameter selects them. */
  render(format: PageFormat = 'text', names: readonly string[] = []): string {
    const blocks = names.length === 0 ? this.#blocks[format] : this.#select(format, names);
    let page = '';
    for (const block of blocks) {
      page += block.header;
      for (const { prefix, read } of block.samples) page += `${prefix}${formatValue(read())}\n`;
    }
    return format === 'openmetrics' ? `${page}# EOF\n` : page;
  }

  #select(format: PageFormat, names: readonly string[]): readonly Block[] {
    const key = `${format} ${names.join(' ')}`;
    const known = this.#filtered.get(key);
    if (known !== undefined) return known;
    const wanted = new Set(names);
    const blocks = this.#blocks[format]
      .map(({ header, samples }) => ({ header, samples: samples.filter(({ name }) => wanted.has(name)) }))
      .filter(({ samples }) => samples.length > 0);
    if (this.#filtered.size >= MAX_FILTERS) this.#filtered.clear();
    this.#filtered.set(key, blocks);
    return blocks;
  }
}

function textBlocks(family: Family, createdSeconds: number): Block[] {
  const { name, type, help, series } = family;
  const full = type === 'counter' ? `${name}_total` : name;
  const main = { header: headerOf(full, type, help), samples: series.flatMap((one) => samplesOf(full, one)) };
  if (type === 'gauge') return [main];
  // The text format has no place for creation times inside a family, so each becomes a gauge of its own.
  const created = `${name}_created`;
  return [main, { header: headerOf(created, 'gauge', help), samples: createdSamples(family, createdSeconds) }];
}

function openMetricsBlock(family: Family, createdSeconds: number): Block {
  const { name, type, help, series } = family;
  const samples = series.flatMap((one) => samplesOf(type === 'counter' ? `${name}_total` : name, one));
  if (type !== 'gauge') samples.push(...createdSamples(family, createdSeconds));
  return { header: headerOf(name, type, help), samples };
}

function headerOf(name: string, type: string, help: string): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

function createdSamples(family: Family, createdSeconds: number): Sample[] {
  const name = `${family.name}_created`;
  return family.series.map(({ labels }) => sample(name, labels, () => createdSeconds));
}

function samplesOf(name: string, { labels, value }: Series): Sample[] {
  if (typeof value === 'function') return [sample(name, labels, value)];
  let below = 0;
  const bounds = [...value.bounds, Number.POSITIVE_INFINITY];
  return [
    // Buckets are read in order, each adding to what the one before it counted.
    ...bounds.map((bound, index) =>
      sample(`${name}_bucket`, { ...labels, le: formatValue(bound) }, () => {
        below = index === 0 ? value.counts[0] : below + value.counts[index];
        return below;
      }),
    ),
    sample(`${name}_count`, labels, () => value.count),
    sample(`${name}_sum`, labels, () => value.sum),
  ];
}

function sample(name: string, labels: Labels, read: () => number): Sample {
  // The Python client sorts labels, so that `le` comes between others.
  const pairs = Object.keys(labels)
    .toSorted()
    .map((label) => `${label}=${quoteLabel(labels[label])}`);
  return { name, prefix: pairs.length === 0 ? `${name} ` : `${name}{${pairs.join(',')}} `, read };
}
