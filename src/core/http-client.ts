/** Limits of one call. */
export interface CallLimits {
  /** The answer must be whole this long after the call. */
  readonly timeoutMs: number;
  /** Longest answer, in bytes. */
  readonly maxBytes: number;
}

/** Calls HTTP servers on behalf of plugins. */
export interface HttpClient {
  /**
   * Posts JSON and resolves to the answer's JSON. Rejects with an `Error` whose message names the URL for a status other
   * than 2xx, an answer that is late, too long or no JSON, and a connection that fails.
   */
  postJson(url: string, body: string | Uint8Array, limits: CallLimits): Promise<unknown>;
}
