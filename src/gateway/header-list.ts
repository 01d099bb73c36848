import type { HeaderMap, HeaderMutation, HeaderValue } from '../protos/ext-proc.ts';

/** Headers in order, names lower-case, repeated names kept. */
export type HeaderList = readonly (readonly [name: string, value: string])[];

/** Headers that belong to one connection, not to the message, and the length, which streaming bodies do not have. */
const NOT_FORWARDED = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'te',
  'trailer',
  'expect',
  'content-length',
]);

/** What Envoy lets no external processor touch. */
const PROTECTED = new Set([':method', ':authority', ':scheme', 'host']);

/** Headers as Node tells them (name, value, name, value, ...), without those of the connection. */
export function fromRaw(raw: readonly string[]): HeaderList {
  const headers: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i].toLowerCase();
    if (!NOT_FORWARDED.has(name)) headers.push([name, raw[i + 1]]);
  }
  return headers;
}

/** Headers as Node takes them; pseudo-headers are left out. */
export function toRaw(headers: HeaderList): string[] {
  return headers.filter(([name]) => !name.startsWith(':')).flat();
}

export function toHeaderMap(headers: HeaderList): HeaderMap {
  return { headers: headers.map(([key, value]) => ({ key, rawValue: Buffer.from(value, 'latin1') })) };
}

/** The value under `name`, the first one where it repeats. */
export function headerValue(headers: HeaderList, name: string): string | undefined {
  return headers.find(([key]) => key === name)?.[1];
}

/** Headers after a mutation, and how many of its parts were refused as Envoy would. */
export interface Mutated {
  readonly headers: HeaderList;
  readonly rejected: number;
}

/** Applies what the picker wants changed: a set header replaces all its values. */
export function mutate(headers: HeaderList, mutation: HeaderMutation | null | undefined): Mutated {
  const removed = new Set((mutation?.removeHeaders ?? []).map((name) => name.toLowerCase()));
  const added: [string, string][] = [];
  let rejected = 0;
  for (const { header } of mutation?.setHeaders ?? []) {
    const name = (header?.key ?? '').toLowerCase();
    if (PROTECTED.has(name) || name.startsWith('x-envoy-')) {
      rejected++;
      continue;
    }
    removed.add(name);
    if (!NOT_FORWARDED.has(name)) added.push([name, valueOf(header ?? {})]);
  }
  return { headers: [...headers.filter(([name]) => !removed.has(name)), ...added], rejected };
}

function valueOf({ rawValue, value }: HeaderValue): string {
  if (rawValue !== undefined && rawValue !== null && rawValue.length > 0)
    return Buffer.from(rawValue).toString('latin1');
  return value ?? '';
}
