/** Request or response headers as the proxy sent them. */
export interface Headers {
  /** The value under a lower-case name; the last one where a name repeats, undefined where it is absent. */
  get(name: string): string | undefined;
}

/** No headers at all. */
export const NO_HEADERS: Headers = { get: () => undefined };
