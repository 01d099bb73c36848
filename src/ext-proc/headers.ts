import type { Headers } from '../core/headers.ts';
import type { HeaderMap, HeaderValue } from '../protos/ext-proc.ts';

const NONE: readonly HeaderValue[] = [];

/**
 * The headers of one message, looked up where they lie: a request has some twenty, of which a handful is asked for, so
 * a map would cost more to build than it saves.
 */
export class WireHeaders implements Headers {
  readonly #headers: readonly HeaderValue[];

  constructor(map: HeaderMap | null | undefined) {
    this.#headers = map?.headers ?? NONE;
  }

  get(name: string): string | undefined {
    // From the back, because the last value of a repeated name counts.
    for (let i = this.#headers.length - 1; i >= 0; i--) {
      const header = this.#headers[i];
      if (sameName(header.key ?? '', name)) return valueOf(header);
    }
    return undefined;
  }
}

/** Envoy sends lower-case names; other clients may not. */
function sameName(key: string, name: string): boolean {
  return key === name || (key.length === name.length && key.toLowerCase() === name);
}

function valueOf(header: HeaderValue): string {
  const raw = header.rawValue;
  if (raw === null || raw === undefined || raw.length === 0) return header.value ?? '';
  return Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString();
}
