/** Limits of one call. */
export interface CallLimits {
  /** The answer must be whole this long after the call. */
  readonly timeoutMs: number;
  /** Longest answer, in bytes. */
  readonly maxBytes: number;
}

/** A call that failed. */
export class CallError extends Error {
  override readonly name = 'CallError';
  /** Status of the answer, where there was one and it was other than 2xx. */
  readonly status: number | undefined;

  constructor(message: string, status?: number, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** Calls HTTP servers on behalf of plugins. */
export interface HttpClient {
  /**
   * Posts JSON and resolves to the answer's JSON. Rejects with a `CallError` whose message names the URL for a status
   * other than 2xx, an answer that is late, too long or no JSON, and a connection that fails.
   */
  postJson(url: string, body: string | Uint8Array, limits: CallLimits): Promise<unknown>;
}
