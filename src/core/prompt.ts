import type { Headers } from './headers.ts';

/** A picture, a video or a clip of a prompt. */
export interface MediaItem {
  readonly modality: 'image' | 'video' | 'audio';
  /** Tells two items apart, and knows one again. */
  readonly hash: string;
}

/** What a request asks the model to read, in tokens. */
export interface TokenizedPrompt {
  /**
   * Token ids as little-endian 32-bit words, one entry per prompt; the last word of an estimate may be cut short. Media
   * stand there as copies of a word of their own, so that two pictures never look like one prefix.
   */
  readonly prompts: readonly Uint8Array[];
  /** Tokens of all prompts. */
  readonly tokens: number;
  /** In the order they stand in the prompts; one that is there twice is listed twice. */
  readonly media: readonly MediaItem[];
}

/** How many tokens media count as while a prompt's tokens are estimated. At least 1 each. */
export interface MediaTokens {
  /** An image by its URL; a `data:` URL shows its size. */
  imageUrl(url: string): number;
  /** An image by its base64 data. */
  imageData(base64: string): number;
  /** A video; what is known about it stands in the request's headers. */
  video(headers: Headers): number;
  /** An audio clip by its encoded data and the name of its format. */
  audio(data: string, format: string): number;
}

/** What to ask a server that applies chat templates and tokenizes, but generates nothing. */
export interface RenderRequest {
  readonly api: 'chat' | 'completions';
  /** Whether it may hold media, which take longer. */
  readonly media: boolean;
  /** Writes the JSON to send. Throws `RangeError` where it is nested too deep. */
  body(): string | Uint8Array;
}
