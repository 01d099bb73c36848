const BINARY = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
/** Powers of ten of the decimal suffixes; the ones below zero exist in the grammar and round up to whole units. */
const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };

const GRAMMAR = /^([+-]?)(\d*)(?:\.(\d*))?(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?\d{1,3}|)$/;
/** Nobody writes longer ones on purpose, and big-integer arithmetic on them costs time. */
const MAX_LENGTH = 64;

/**
 * A Kubernetes resource quantity (`1k`, `10Gi`, `1.5M`, `2e3`, `-1`), rounded away from 0 to a whole number like the
 * reference does. Throws `Error` with one line when it is not a quantity, or beyond 2^53 - 1 either way.
 */
export function parseQuantity(text: string): number {
  const match = text.length <= MAX_LENGTH ? GRAMMAR.exec(text) : null;
  if (match === null) throw invalid(text);
  const [, sign, whole, fraction = '', suffix] = match;
  if (whole === '' && fraction === '') throw invalid(text);
  const digits = BigInt(whole + fraction);
  const { factor, power } = scale(suffix);
  const exponent = power - fraction.length;
  const value = exponent >= 0 ? digits * factor * 10n ** BigInt(exponent) : divideUp(digits * factor, -exponent);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new Error(`quantity "${text}" is too large: the most is ${Number.MAX_SAFE_INTEGER}`);
  }
  return sign === '-' && value !== 0n ? -Number(value) : Number(value);
}

/** A size in bytes: a quantity that may end in `B` or `b` (`4MiB`, `25MB`, `512b`). Same errors, and one if negative. */
export function parseByteQuantity(text: string): number {
  const bytes = parseBytes(text);
  if (bytes < 0) throw new Error(`quantity "${text}" is negative: write 0 or more`);
  return bytes;
}

function parseBytes(text: string): number {
  const bare = /[Bb]$/.test(text) ? text.slice(0, -1) : text;
  try {
    return parseQuantity(bare);
  } catch (error) {
    throw error instanceof Error ? new Error(error.message.replace(`"${bare}"`, `"${text}"`), { cause: error }) : error;
  }
}

function scale(suffix: string): { factor: bigint; power: number } {
  const binary = BINARY.indexOf(suffix);
  if (binary >= 0) return { factor: 1024n ** BigInt(binary + 1), power: 0 };
  if (suffix in DECIMAL) return { factor: 1n, power: DECIMAL[suffix] };
  return { factor: 1n, power: Number(suffix.slice(1)) };
}

function divideUp(value: bigint, power: number): bigint {
  const divisor = 10n ** BigInt(power);
  return (value + divisor - 1n) / divisor;
}

function invalid(text: string): Error {
  const shown = text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}...` : text;
  return new Error(`invalid quantity "${shown}": write a number and k, M, G, T or Ki, Mi, Gi, Ti, for example "4Mi"`);
}
