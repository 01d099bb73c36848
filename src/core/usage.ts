/** Tokens a server says it worked on; a member is absent where it did not say. Non-negative integers. */
export interface Usage {
  readonly promptTokens?: number | undefined;
  readonly completionTokens?: number | undefined;
  /** Of the prompt, tokens found in the server's prefix cache. */
  readonly cachedTokens?: number | undefined;
}
