/** Options of a script come from environment variables. Each throws, at the start, a line that names the variable. */

/** Text; `fallback` when the variable is unset or empty. */
export function text(name: string, fallback: string): string {
  const value = __ENV[name];
  return value === undefined || value === '' ? fallback : value;
}

/** A number from `low` to `high`. */
export function number(name: string, fallback: number, low: number, high: number): number {
  const written = text(name, String(fallback));
  const value = written.trim() === '' ? Number.NaN : Number(written);
  if (!(value >= low && value <= high)) throw new Error(`${name}: "${written}" is not a number from ${low} to ${high}`);
  return value;
}

/** One of `words`. */
export function oneOf<T extends string>(name: string, words: readonly T[], fallback: T): T {
  const written = text(name, fallback);
  const word = words.find((one) => one === written);
  if (word === undefined) throw new Error(`${name}: "${written}" is not one of ${words.join(', ')}`);
  return word;
}

/** An address with a scheme, without a slash at the end; empty when unset. */
export function url(name: string, schemes: readonly string[]): string {
  const written = text(name, '').replace(/\/+$/, '');
  if (written === '') return '';
  if (schemes.some((scheme) => written.startsWith(`${scheme}://`))) return written;
  throw new Error(`${name}: "${written}" does not begin with ${schemes.map((one) => `${one}://`).join(' or ')}`);
}

/** Like `url`, but it must be there. */
export function requiredUrl(name: string, schemes: readonly string[]): string {
  const value = url(name, schemes);
  if (value === '') throw new Error(`${name}: set it, for example ${name}=${schemes[0]}://127.0.0.1:8080`);
  return value;
}

/** Whether the short form is asked for: seconds instead of minutes, the same thresholds where they can be measured. */
export const SHORT = text('SHORT', '') !== '' && text('SHORT', '') !== '0';
