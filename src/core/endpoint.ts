/** What discovery knows about a model server: one per (pod, port). */
export interface EndpointSpec {
  readonly namespace: string;
  /** Unique within the namespace. */
  readonly name: string;
  /** The pod's name where that is another: several endpoints can be one pod's. */
  readonly podName?: string;
  /** IPv4 or IPv6 literal (no brackets), or a DNS name. */
  readonly address: string;
  readonly port: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** An endpoint in its slot of the table. Immutable: a changed spec is a new `Endpoint` (and a new generation). */
export interface Endpoint extends EndpointSpec {
  /** `<namespace>/<name>`, the identity across updates. */
  readonly id: string;
  /** `address:port`, IPv6 in brackets: the string the proxy is told. */
  readonly hostPort: string;
  /** Index into every column. Reused after the endpoint is gone. */
  readonly slot: number;
  /** Tells apart the tenants of a slot: a late release of a removed endpoint must hit nothing. */
  readonly generation: number;
}

/**
 * One typed-array element per slot for every scraped signal. `NaN` means unknown, which is not 0: an endpoint that
 * never answered must not look idle.
 */
export interface EndpointSignals {
  /** Requests queued in the server. */
  readonly waiting: Float64Array;
  /** Requests being served. */
  readonly running: Float64Array;
  /** KV-cache use, 0..1. */
  readonly kvUsage: Float64Array;
  /** Tokens per KV-cache block. */
  readonly blockTokens: Float64Array;
  /** KV-cache blocks of the server. */
  readonly blockCount: Float64Array;
  /** When the last good scrape was taken: `Clock.nowMs` of the picking thread's clock origin. */
  readonly scrapedAtMs: Float64Array;
  /** Good scrapes so far, wrapping at 2^32; tells the load books which of their picks a scrape can have seen. */
  readonly scrapes: Uint32Array;
}

/** Slots of the endpoints a request may go to, in table order; a filter returns a narrower list. */
export type Candidates = Uint32Array;

/** The read side of the endpoint table, as scheduling and plugins see it. */
export interface EndpointView {
  readonly signals: EndpointSignals;
  /** Every endpoint of the pool. Replaced, never edited, when membership changes. */
  readonly all: Candidates;
  /** The tenant of a slot, or undefined when it is empty. */
  at(slot: number): Endpoint | undefined;
  /**
   * Requests waiting at the server as far as it can be known now: the scraped queue plus the picks it cannot have
   * shown yet. `NaN` when the queue was never scraped.
   */
  expectedWaiting(slot: number): number;
  /** The same for requests being served. */
  expectedRunning(slot: number): number;
  /** Picks that no scrape can have shown yet. */
  unseen(slot: number): number;
}
