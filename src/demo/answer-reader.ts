/** The most of an answer that is kept; a chat answer is a few kB. */
const KEPT_CHARS = 4 * 1024 * 1024;
const SHOWN_CHARS = 200;
/** Where to look for the usage of a stream. */
const LAST_LINES = 8;

/** Tokens as the server counted them. */
export interface Usage {
  readonly promptTokens: number;
  readonly cachedTokens: number;
}

/** Reads a chat completion, streamed or not, as far as the demo wants to know about it. */
export class AnswerReader {
  readonly #stream: boolean;
  readonly #decoder = new TextDecoder();
  #text = '';

  constructor(stream: boolean) {
    this.#stream = stream;
  }

  push(piece: Uint8Array): void {
    if (this.#text.length < KEPT_CHARS) this.#text += this.#decoder.decode(piece, { stream: true });
  }

  /** The beginning of it in one line, for error messages. */
  text(): string {
    return this.#text.replaceAll(/\s+/g, ' ').slice(0, SHOWN_CHARS);
  }

  /** Whether the answer came to its end: `[DONE]` of a stream, else a JSON object. */
  complete(): boolean {
    return this.#stream ? this.#text.trimEnd().endsWith('data: [DONE]') : isRecord(parse(this.#text));
  }

  usage(): Usage {
    const usage = this.#stream ? this.#streamedUsage() : member(parse(this.#text), 'usage');
    const cached = member(member(usage, 'prompt_tokens_details'), 'cached_tokens');
    return { promptTokens: count(member(usage, 'prompt_tokens')), cachedTokens: count(cached) };
  }

  /** It comes in the event before `[DONE]`. */
  #streamedUsage(): unknown {
    for (const line of this.#text.trimEnd().split('\n').slice(-LAST_LINES).toReversed()) {
      const usage = line.startsWith('data: {') ? member(parse(line.slice('data: '.length)), 'usage') : undefined;
      if (isRecord(usage)) return usage;
    }
    return undefined;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function member(value: unknown, name: string): unknown {
  return isRecord(value) ? value[name] : undefined;
}

function count(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}
