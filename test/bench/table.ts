import { type Figure, MORE_IS_BETTER } from './harness.ts';

const NAME_WIDTH = 15;
const WHAT_WIDTH = 46;

/** A value with as many digits as mean something. */
export function rounded(value: number): string {
  if (Number.isNaN(value)) return 'not measured';
  return value >= 100 ? String(Math.round(value)) : value.toPrecision(3);
}

/** A figure as a line; `baseline` is what the same figure was when the baseline was stored. */
export function figureLine(figure: Figure, baseline?: number): string {
  const { name, what, value, unit, target } = figure;
  const line = `${name.padEnd(NAME_WIDTH)} ${what.padEnd(WHAT_WIDTH)} ${rounded(value).padStart(9)} ${unit.padEnd(6)}`;
  const ratio = baseline === undefined ? '' : `${(value / baseline).toFixed(2)} of the baseline`;
  return `${line} ${ratio.padEnd(21)} ${target === undefined ? '' : verdict(figure, target)}`.trimEnd();
}

function verdict({ value, unit }: Figure, target: number): string {
  const [word, met] = MORE_IS_BETTER.has(unit) ? ['at least', value >= target] : ['at most', value <= target];
  return `${word} ${target} ${unit}${met || Number.isNaN(value) ? '' : ': MISSED'}`;
}
