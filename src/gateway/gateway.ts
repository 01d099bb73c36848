/** A gateway that asks the picker about every request and sends it where the picker says. */
export interface Gateway {
  readonly kind: 'envoy' | 'embedded';
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  readonly port: number;
  /** Requests that a retry saved: the first endpoint failed, another one answered. */
  rescued(): Promise<number>;
  /** Ends it; resolves when nothing of it is left. */
  stop(): Promise<void>;
}
