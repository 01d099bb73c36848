import { parseDurationMs } from '../lib/duration.ts';

/** The pino levels a command line can ask for. */
export type LogLevel = 'fatal' | 'error' | 'info' | 'debug' | 'trace';

/** The forms of Go's `strconv.ParseInt` with base 0, of which decimal is the one people use. Throws `Error`. */
export function readInteger(text: string): number {
  const match = /^([+-]?)(0[xX][\da-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9]\d*)$/.exec(text);
  if (match === null) throw new Error('write a whole number');
  const value = Number(match[2].replace(/^0(?=[0-7])/, '0o')) * (match[1] === '-' ? -1 : 1);
  if (!Number.isSafeInteger(value)) throw new Error('the number is too large');
  return value;
}

/** The forms of Go's `strconv.ParseBool`. Throws `Error`. */
export function readBoolean(text: string): boolean {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  throw new Error('write true or false');
}

/** Milliseconds of a Go duration. Throws `Error`. */
export function readDurationMs(text: string): number {
  return parseDurationMs(text);
}

/** Parts of a comma-separated list; none for an empty text. */
export function readList(text: string): string[] {
  return text === '' ? [] : text.split(',');
}

/** Numbers of a comma-separated list. Throws `Error`. */
export function readIntegers(text: string): number[] {
  return readList(text).map((part) => readInteger(part.trim()));
}

/** The words and numbers of `--zap-log-level`; undefined for an empty text. Throws `Error`. */
export function readLogLevel(text: string): LogLevel | undefined {
  const lower = text.toLowerCase();
  if (lower === '') return undefined;
  if (lower === 'debug' || lower === 'info' || lower === 'error') return lower;
  if (lower === 'panic') return 'fatal';
  if (/^[1-9]\d{0,2}$/.test(lower)) return levelOfVerbosity(Number(lower));
  throw new Error('write debug, info, error, panic or a number above 0');
}

/** The level that prints what the reference prints at verbosity `v`: 0 to 3 info, 4 debug, above that trace. */
export function levelOfVerbosity(v: number): LogLevel {
  if (v < 0) return 'error';
  if (v <= 3) return 'info';
  return v === 4 ? 'debug' : 'trace';
}
