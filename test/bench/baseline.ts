import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { type Figure, keyOf } from './harness.ts';
import type { Pair } from './macro/compare.ts';

const FILE = join(import.meta.dirname, 'baseline.json');

/** What `--save` kept. Figures of other machines say little; their ratios to one another say more. */
export interface Baseline {
  readonly machine: string;
  readonly figures: readonly Figure[];
  /** The last comparison with another picker. */
  readonly pairs: readonly Pair[];
}

const NOTHING: Baseline = { machine: '', figures: [], pairs: [] };

/** The stored baseline; an empty one where none is stored. */
export async function readBaseline(): Promise<Baseline> {
  const text = await readFile(FILE, 'utf8').catch(() => undefined);
  return text === undefined ? NOTHING : (JSON.parse(text) as Baseline);
}

/** Puts what was measured in place of the same figures of the baseline, stores it and answers it. */
export async function saveBaseline(measured: Pick<Baseline, 'figures' | 'pairs'>): Promise<Baseline> {
  const before = await readBaseline();
  const baseline: Baseline = {
    machine: `${cpus()[0]?.model ?? 'unknown CPU'}, ${availableParallelism()} cores, Node ${process.version}`,
    figures: replaced(before.figures, measured.figures, keyOf),
    pairs: replaced(before.pairs, measured.pairs, ({ figure }) => keyOf(figure)),
  };
  await writeFile(FILE, textOf(baseline));
  return baseline;
}

/** New items keep the places of the old ones of the same key; the others follow. */
function replaced<T>(old: readonly T[], fresh: readonly T[], key: (item: T) => string): T[] {
  const byKey = new Map([...old, ...fresh].map((item) => [key(item), item]));
  return [...byKey.values()];
}

/** JSON with a line for each figure, so that a change of one is a change of one line. */
function textOf({ machine, figures, pairs }: Baseline): string {
  const short = (_key: string, value: unknown): unknown =>
    typeof value === 'number' ? Number(value.toPrecision(4)) : value;
  const lines = (items: readonly object[]): string =>
    items.length === 0 ? '[]' : `[\n${items.map((item) => `    ${JSON.stringify(item, short)}`).join(',\n')}\n  ]`;
  return `{
  "machine": ${JSON.stringify(machine)},
  "figures": ${lines(figures)},
  "pairs": ${lines(pairs)}
}
`;
}
