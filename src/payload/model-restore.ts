import { asBuffer } from './response-bytes.ts';

const KEY = Buffer.from('"model":');
const SPACE = 0x20;
const QUOTE = 0x22;
const LF = 0x0a;

/**
 * Gives a response the model name its client asked for: every `"model":"<target>"`, with or without one space after
 * the colon, gets the incoming name. Pieces may be cut anywhere; at most one byte less than such a member is held
 * back. Source: contract `wire-protocol.md` 1.8.
 */
export class ModelRestorer {
  readonly #target: Buffer;
  readonly #incoming: Buffer;
  /** Held back: a true start of the member, at the end of what came so far. */
  #held: Buffer | undefined;

  constructor(target: string, incoming: string) {
    this.#target = Buffer.from(JSON.stringify(target));
    this.#incoming = Buffer.from(JSON.stringify(incoming));
  }

  /** The bytes to forward now; the piece itself where nothing changed and nothing is held. */
  push(piece: Uint8Array, last: boolean): Uint8Array {
    const own = asBuffer(piece);
    const bytes = this.#held === undefined ? own : Buffer.concat([this.#held, own]);
    const parts: Buffer[] = [];
    let from = 0;
    for (let key = bytes.indexOf(KEY); key !== -1; key = bytes.indexOf(KEY, Math.max(key + 1, from))) {
      const value = this.#value(bytes, key);
      if (value === -1) continue;
      parts.push(bytes.subarray(from, value), this.#incoming);
      from = value + this.#target.length;
    }
    const end = last ? bytes.length : this.#openMember(bytes, from);
    this.#held = end === bytes.length ? undefined : Buffer.from(bytes.subarray(end));
    if (parts.length > 0) return Buffer.concat([...parts, bytes.subarray(from, end)]);
    return bytes === own && end === bytes.length ? piece : bytes.subarray(0, end);
  }

  /** What was held back; nothing follows. */
  flush(): Uint8Array {
    const held = this.#held ?? Buffer.alloc(0);
    this.#held = undefined;
    return held;
  }

  /** Where the target's name starts in the member at `key`, -1 where another name or only a part of it stands. */
  #value(bytes: Buffer, key: number): number {
    const colonEnd = key + KEY.length;
    const value = bytes[colonEnd] === SPACE ? colonEnd + 1 : colonEnd;
    const end = value + this.#target.length;
    if (end > bytes.length) return -1;
    return this.#target.compare(bytes, value, end) === 0 ? value : -1;
  }

  /** Where a member starts that the next piece may complete; the end of `bytes` when there is none. */
  #openMember(bytes: Buffer, from: number): number {
    // Events end with a line break and the member has none: the usual piece is settled here.
    if (bytes.length === 0 || bytes[bytes.length - 1] === LF) return bytes.length;
    const longest = KEY.length + 1 + this.#target.length - 1;
    const first = Math.max(from, bytes.length - longest);
    for (let at = bytes.indexOf(QUOTE, first); at !== -1; at = bytes.indexOf(QUOTE, at + 1)) {
      if (this.#mayOpen(bytes, at)) return at;
    }
    return bytes.length;
  }

  /** Whether the bytes from `at` to the end are a true start of the member. */
  #mayOpen(bytes: Buffer, at: number): boolean {
    const keyBytes = Math.min(KEY.length, bytes.length - at);
    if (KEY.compare(bytes, at, at + keyBytes, 0, keyBytes) !== 0) return false;
    const colonEnd = at + KEY.length;
    const value = bytes[colonEnd] === SPACE ? colonEnd + 1 : colonEnd;
    const nameBytes = bytes.length - value;
    if (nameBytes <= 0) return true;
    return nameBytes < this.#target.length && this.#target.compare(bytes, value, bytes.length, 0, nameBytes) === 0;
  }
}
