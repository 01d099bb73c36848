import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Baseline } from './baseline.ts';
import { keyOf } from './harness.ts';
import { meanOf, type Pair } from './macro/compare.ts';
import { rounded } from './table.ts';

const FILE = join(import.meta.dirname, 'README.md');
const BEGIN = '<!-- figures: npm run bench -- --save -->';
const END = '<!-- end of figures -->';

/** Ratios within one run: what stays the same on another machine. */
const RATIOS = [
  ['a pick among 1,000 endpoints to one among 8', 'decision: alone, 1000 endpoints', 'decision: alone, 8 endpoints'],
  ['CPU of a request among 1,000 endpoints to one among 8', 'small-1000: CPU per request', 'small-8: CPU per request'],
  ["CPU with Istio's name for the picker to a plain one", 'small-istio-8: CPU per request', 'small-8: CPU per request'],
  ['CPU with a JSON response to without', 'response-8: CPU per request', 'small-8: CPU per request'],
  ['CPU with a response in 50 pieces to without', 'sse50-8: CPU per request', 'small-8: CPU per request'],
  ['CPU with a prompt of 60 kB to 1.5 kB', '60kB-8: CPU per request', 'small-8: CPU per request'],
  ['CPU with a prompt of 500 kB to 1.5 kB', '500kB-8: CPU per request', 'small-8: CPU per request'],
  ['CPU when idle with 1,000 endpoints to 8', 'idle-1000: CPU', 'idle-8: CPU'],
] as const;

/** Writes the tables between the markers of the README. */
export async function rewriteReadme(baseline: Baseline): Promise<void> {
  const text = await readFile(FILE, 'utf8');
  const [before, rest = ''] = text.split(BEGIN);
  const after = rest.slice(rest.indexOf(END));
  await writeFile(FILE, `${before}${BEGIN}\n${tables(baseline)}\n${after}`);
}

function tables({ machine, figures, pairs }: Baseline): string {
  const values = new Map(figures.map((figure) => [keyOf(figure), figure.value]));
  const ratios = RATIOS.flatMap(([what, above, below]) => {
    const ratio = (values.get(above) ?? Number.NaN) / (values.get(below) ?? Number.NaN);
    return Number.isNaN(ratio) ? [] : [[what, rounded(ratio)]];
  });
  const rows = figures.map(({ name, what, value, unit, target }) => {
    return [`\`${name}\``, what, `${rounded(value)} ${unit}`, target === undefined ? '' : `${target} ${unit}`];
  });
  const parts = [
    ...(pairs.length > 0 ? [table(['case', 'what', 'ours', 'other', 'ours:other'], pairs.map(pairRow))] : []),
    table(['ratio within a run', ''], ratios),
    `On ${machine}:`,
    table(['case', 'what', 'measured', 'target'], rows),
  ];
  return `\n${parts.join('\n\n')}\n`;
}

function pairRow({ figure: { name, what, unit }, ours, other }: Pair): string[] {
  const [left, right] = [meanOf(ours), meanOf(other)];
  return [`\`${name}\``, what, `${rounded(left)} ${unit}`, `${rounded(right)} ${unit}`, rounded(left / right)];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}
