import { Histogram } from '../lib/histogram.ts';

type Labels = Readonly<Record<string, string>>;

/** One exported number; `sharedLabels` is one object for all numbers of a child. */
interface HistogramValue {
  readonly metricName: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly sharedLabels: Labels;
  readonly value: number;
}

interface Child {
  readonly labels: Labels;
  readonly numbers: Histogram;
}

/** What a family is made of. */
export interface HistogramSettings {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  /** Upper bounds, inclusive, rising. */
  readonly buckets: readonly number[];
}

/**
 * A family of histograms for the library's registry. Its own ones look a child up by its labels for every observation,
 * which a request has some twenty of; here a child that was bound once only counts.
 */
export class HistogramFamily {
  readonly type = 'histogram';
  readonly name: string;
  readonly help: string;
  readonly #labelNames: readonly string[];
  readonly #buckets: readonly number[];
  /** In the order of their first observation. */
  readonly #children = new Map<string, Child>();

  constructor({ name, help, labelNames, buckets }: HistogramSettings) {
    this.name = name;
    this.help = help;
    this.#labelNames = labelNames;
    this.#buckets = buckets;
    if (labelNames.length === 0) this.numbersOf({});
  }

  /** The child with these labels. It is exported from its first observation on. */
  labels(labels: Labels): BoundHistogram {
    return new BoundHistogram(this, labels);
  }

  /** What is counted under these labels, from now on if it was not yet. For children that are bound. */
  numbersOf(labels: Labels): Histogram {
    const key = JSON.stringify(this.#labelNames.map((name) => labels[name]));
    let child = this.#children.get(key);
    if (child === undefined) {
      child = { labels, numbers: new Histogram(this.#buckets) };
      this.#children.set(key, child);
    }
    return child.numbers;
  }

  /** What the registry asks for when it renders a page. */
  get(): Promise<Pick<this, 'name' | 'help' | 'type'> & { readonly values: HistogramValue[] }> {
    const values = [...this.#children.values()].flatMap((child) => this.#exported(child));
    return Promise.resolve({ name: this.name, help: this.help, type: this.type, values });
  }

  #exported({ labels: sharedLabels, numbers }: Child): HistogramValue[] {
    const metricName = `${this.name}_bucket`;
    let sum = 0;
    const values = numbers.bounds.map((le, i): HistogramValue => {
      sum += numbers.counts[i];
      return { metricName, labels: { le }, sharedLabels, value: sum };
    });
    values.push(
      { metricName, labels: { le: '+Inf' }, sharedLabels, value: numbers.count },
      { metricName: `${this.name}_sum`, labels: {}, sharedLabels, value: numbers.sum },
      { metricName: `${this.name}_count`, labels: {}, sharedLabels, value: numbers.count },
    );
    return values;
  }
}

/** One child of a family, ready to observe. */
export class BoundHistogram {
  readonly #family: HistogramFamily;
  readonly #labels: Labels;
  #numbers: Histogram | undefined;

  constructor(family: HistogramFamily, labels: Labels) {
    this.#family = family;
    this.#labels = labels;
  }

  /** Throws `TypeError` for what is not a finite number: it would spoil the sum for good. */
  observe(value: number): void {
    if (!Number.isFinite(value)) throw new TypeError(`${this.#family.name} cannot observe ${value}`);
    (this.#numbers ??= this.#family.numbersOf(this.#labels)).observe(value);
  }
}
