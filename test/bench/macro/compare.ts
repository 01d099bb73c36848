import { type Figure, keyOf } from '../harness.ts';
import { rounded } from '../table.ts';
import { POOL_SIZES } from './cases.ts';
import { type MacroOptions, measurePool } from './measure.ts';

/** Each picker runs this often, the other one first every second time, so that a busy moment hits both. */
const ROUNDS = 2;

/** The same figure of both pickers, a value for each round. */
export interface Pair {
  readonly figure: Omit<Figure, 'value' | 'target'>;
  readonly ours: number[];
  readonly other: number[];
}

/** Measures two pickers in turn, pool by pool, and says every figure with its ratio ours:other. */
export async function comparePickers(
  ours: string,
  other: string,
  options: MacroOptions,
  say: (line: string) => void,
): Promise<Pair[]> {
  const all: Pair[] = [];
  for (const size of POOL_SIZES) {
    const pairs = new Map<string, Pair>();
    const measure = (command: string, side: 'ours' | 'other'): Promise<void> =>
      measurePool(command, size, options, (figure) => pairOf(pairs, figure)[side].push(figure.value));
    for (let round = 0; round < (options.quick ? 1 : ROUNDS); round++) {
      const turns = [() => measure(ours, 'ours'), () => measure(other, 'other')];
      for (const turn of round % 2 === 0 ? turns : turns.toReversed()) await turn();
    }
    for (const pair of pairs.values()) say(pairLine(pair));
    all.push(...pairs.values());
  }
  return all;
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, each) => sum + each, 0) / values.length;
}

function pairOf(pairs: Map<string, Pair>, { name, what, unit }: Figure): Pair {
  const figure = { name, what, unit };
  return pairs.getOrInsertComputed(keyOf(figure), () => ({ figure, ours: [], other: [] }));
}

function pairLine({ figure: { name, what, unit }, ours, other }: Pair): string {
  const [left, right] = [meanOf(ours), meanOf(other)];
  const values = `ours ${rounded(left).padStart(9)} other ${rounded(right).padStart(9)} ${unit.padEnd(6)}`;
  return `${name.padEnd(14)} ${what.padEnd(32)} ${values} ratio ${rounded(left / right)}`;
}
