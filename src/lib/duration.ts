const MS_BY_UNIT: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Go keeps durations in 64-bit nanoseconds, about 292 years; longer ones do not parse there either. */
const MAX_MS = 2 ** 63 / 1e6;

const PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/y;

/**
 * Milliseconds in a duration as Go's `time.ParseDuration` reads it: an optional sign, then numbers with units
 * (`50ms`, `1m30s`, `1.5h`, `-1s`), or a bare `0`. Fractions of a millisecond are kept. Throws `Error` with one line.
 */
export function parseDurationMs(text: string): number {
  const start = text.startsWith('-') || text.startsWith('+') ? 1 : 0;
  const rest = text.slice(start);
  if (rest === '0') return 0;
  if (rest === '') throw invalid(text);
  let total = 0;
  PART.lastIndex = 0;
  while (PART.lastIndex < rest.length) {
    const at = PART.lastIndex;
    const part = PART.exec(rest);
    if (part === null) throw /^\d*\.?\d*$/.test(rest.slice(at)) ? missingUnit(text) : invalid(text);
    total += Number(part[1]) * MS_BY_UNIT[part[2]];
  }
  if (total >= MAX_MS) throw new Error(`invalid duration "${text}": longer than 292 years`);
  return text.startsWith('-') && total !== 0 ? -total : total;
}

function missingUnit(text: string): Error {
  return new Error(`missing unit in duration "${text}": write for example "${/\d/.test(text) ? text : '5'}s"`);
}

function invalid(text: string): Error {
  return new Error(`invalid duration "${text}": write a number and a unit (ns, us, ms, s, m, h), for example "1m30s"`);
}
