import type { MediaItem, TokenizedPrompt } from '../core/prompt.ts';
import { BlockHashes, hashBlocks } from '../lib/block-hash.ts';

/** Four bytes of text count as one token. Source: contract `wire-protocol.md` 3.5. */
export const BYTES_PER_TOKEN = 4;
/** Placeholders of all media of a prompt: as many as prefix caching looks at by default, so a forged size costs no more. */
const MAX_MEDIA_BYTES = 131_072 * BYTES_PER_TOKEN;
const ZERO_SEED = { lo: 0, hi: 0 };
const NO_MEDIA: readonly MediaItem[] = [];

/** Gathers the bytes prefix caching sees of one prompt. */
export class PromptBytes {
  #text = '';
  #length = 0;
  #mediaBytes = 0;
  readonly #parts: Buffer[] = [];
  readonly #media: MediaItem[] = [];

  text(text: string): void {
    this.#text += text;
  }

  /** A value as compact JSON; nothing for an absent one. */
  json(value: unknown): void {
    this.#text += jsonText(value);
  }

  /**
   * Something that is no text: `tokens` copies of one word made of its `source`, from a word's boundary on, so that
   * two images never look like one prefix and long media weigh more than short ones.
   */
  media(modality: MediaItem['modality'], source: string, tokens: number): void {
    this.#flush();
    const padding = (BYTES_PER_TOKEN - (this.#length % BYTES_PER_TOKEN)) % BYTES_PER_TOKEN;
    const room = Math.max(BYTES_PER_TOKEN, MAX_MEDIA_BYTES - this.#mediaBytes);
    const length = Math.min(Math.max(1, tokens) * BYTES_PER_TOKEN, room);
    const { hash, word } = mediaMark(source);
    this.#mediaBytes += length;
    this.#append(Buffer.alloc(padding));
    this.#append(Buffer.alloc(length, word));
    this.#media.push({ modality, hash });
  }

  prompt(): TokenizedPrompt {
    if (this.#parts.length === 0) return promptOf([Buffer.from(this.#text, 'utf8')]);
    this.#flush();
    return promptOf([Buffer.concat(this.#parts, this.#length)], this.#media);
  }

  #flush(): void {
    if (this.#text === '') return;
    this.#append(Buffer.from(this.#text, 'utf8'));
    this.#text = '';
  }

  #append(part: Buffer): void {
    this.#parts.push(part);
    this.#length += part.length;
  }
}

/** Prompts given as the bytes of their words. */
export function promptOf(prompts: readonly Uint8Array[], media = NO_MEDIA): TokenizedPrompt {
  let tokens = 0;
  for (const { length } of prompts) tokens += Math.ceil(length / BYTES_PER_TOKEN);
  return { prompts, tokens, media };
}

/** Token ids as little-endian 32-bit words: four bytes a token, as for text. */
export function tokenBytes(ids: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(ids.length * BYTES_PER_TOKEN);
  for (let i = 0; i < ids.length; i++) bytes.writeUInt32LE(ids[i], i * BYTES_PER_TOKEN);
  return bytes;
}

/** A value as compact JSON. What is too deep or too long to be written counts as nothing: a prefix is only a hint. */
export function jsonText(value: unknown): string {
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    return '';
  }
}

/** What a piece of media is known by, and the word that stands for it in a prompt. */
export function mediaMark(source: string): { readonly hash: string; readonly word: Buffer } {
  const bytes = Buffer.from(source, 'utf8');
  const hashes = new BlockHashes();
  hashBlocks(bytes, Math.max(1, Math.ceil(bytes.length / 4)) * 4, ZERO_SEED, hashes);
  const mark = Buffer.alloc(2 * BYTES_PER_TOKEN);
  mark.writeUInt32LE(hashes.lo[0]);
  mark.writeUInt32LE(hashes.hi[0], BYTES_PER_TOKEN);
  return { hash: mark.toString('hex'), word: mark.subarray(0, BYTES_PER_TOKEN) };
}
