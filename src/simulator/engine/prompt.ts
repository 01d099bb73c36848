/** Tokens per KV-cache block, as vLLM has it on CUDA. */
export const BLOCK_TOKENS = 16;

/** A tokenised prompt as the engine needs it: its length, and a name for each whole block. */
export interface Prompt {
  readonly tokens: number;
  /** One hash per whole block; equal hashes mean equal blocks after equal prefixes. */
  readonly hashes: readonly number[];
  /** The chain after the last token, from where generated tokens continue it. */
  readonly chain: ChainState;
}

export interface ChainState {
  readonly a: number;
  readonly b: number;
}

const SEED: ChainState = { a: 0x9e3779b9 | 0, b: 0x85ebca6b | 0 };

/**
 * A running hash over tokens. It never restarts, so the value at the end of a block covers everything before it: the
 * chain that makes a block's hash stand for its whole prefix.
 */
export class TokenChain {
  #a: number;
  #b: number;
  tokens: number;

  constructor(state: ChainState = SEED, tokens = 0) {
    this.#a = state.a;
    this.#b = state.b;
    this.tokens = tokens;
  }

  /** Appends one token; true when it filled a block, whose name `hash` then is. */
  add(token: number): boolean {
    // Two lanes of multiply and rotate, from the mixing constants of MurmurHash3.
    this.#a = Math.imul(this.#a ^ token, 0xcc9e2d51);
    this.#a = (this.#a << 15) | (this.#a >>> 17);
    this.#b = Math.imul((this.#b + token) | 0, 0x1b873593) ^ this.#a;
    this.#b = (this.#b << 13) | (this.#b >>> 19);
    this.tokens += 1;
    return this.tokens % BLOCK_TOKENS === 0;
  }

  /** 53 bits of both lanes: a safe integer, never 0. */
  hash(): number {
    return (this.#a >>> 11) * 2 ** 32 + (this.#b >>> 0) + 1;
  }

  state(): ChainState {
    return { a: this.#a, b: this.#b };
  }
}

/** Builds a prompt token by token. */
export class PromptBuilder {
  readonly #chain = new TokenChain();
  readonly #hashes: number[] = [];

  /** Mixes a salt into every block without being a token itself. Call it before the first token. */
  salt(text: string): this {
    const bytes = Buffer.from(text);
    for (const byte of bytes) this.#chain.add(byte);
    this.#chain.tokens = 0;
    return this;
  }

  token(token: number): this {
    if (this.#chain.add(token)) this.#hashes.push(this.#chain.hash());
    return this;
  }

  /** Four bytes a token, the last one padded with zeros: about what a real tokeniser makes of English. */
  text(text: string): this {
    const bytes = Buffer.from(text);
    const whole = bytes.length & ~3;
    for (let at = 0; at < whole; at += 4) this.token(bytes.readInt32LE(at));
    if (whole < bytes.length) {
      let last = 0;
      for (let at = bytes.length - 1; at >= whole; at -= 1) last = (last << 8) | bytes[at];
      this.token(last);
    }
    return this;
  }

  build(): Prompt {
    return { tokens: this.#chain.tokens, hashes: this.#hashes, chain: this.#chain.state() };
  }
}
