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

/** The value of a label; undefined where it is absent, also under a name that every object has. */
export function labelOf({ labels }: EndpointSpec, name: string): string | undefined {
  return Object.hasOwn(labels, name) ? labels[name] : undefined;
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
  /** Since when nobody listens where the endpoint should, as the scraper sees it; `NaN` while somebody does. */
  readonly refusedSinceMs: Float64Array;
  /** Since when scrapes are not answered in time; `NaN` while they are. */
  readonly hungSinceMs: Float64Array;
  /** Good scrapes so far, wrapping at 2^32; tells the load books which of their picks a scrape can have seen. */
  readonly scrapes: Uint32Array;
}

/** LoRA adapters of one server, as its metrics page tells. Names are the ones requests use as their model. */
export interface LoraInfo {
  /** In use, or in GPU memory where the server tells. */
  readonly active: ReadonlySet<string>;
  /** Asked for by requests in the queue. Some servers list the active ones here too. */
  readonly waiting: ReadonlySet<string>;
  /** How many can be active at once, `NaN` when unknown. */
  readonly maxActive: number;
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
  /** The endpoint called `<namespace>/<name>`, if it is in the pool. */
  byId(id: string): Endpoint | undefined;
  /** The scraped queue, running requests and KV-cache use as far as they are trusted: less of the load, nearer to half. */
  trustedWaiting(slot: number): number;
  trustedRunning(slot: number): number;
  trustedKvUsage(slot: number): number;
  /**
   * Requests waiting at each of `slots` as far as it can be known now: the scraped queue plus the picks it cannot have
   * shown yet. `NaN` when the queue was never scraped. `out[i]` belongs to `slots[i]`.
   */
  readWaiting(slots: Candidates, out: Float64Array): void;
  /** The same for requests being served. */
  readRunning(slots: Candidates, out: Float64Array): void;
  /** The same for picks that no scrape can have shown yet. */
  readUnseen(slots: Candidates, out: Float64Array): void;
  /**
   * A number about every endpoint, by slot, `NaN` where it is unknown; undefined when nobody provides it. `producer`
   * is the name half of the contract's data key, `CORE_METRICS` when left out; an empty one takes anybody's. Look it
   * up for every decision: a new configuration brings and takes attributes.
   */
  attribute(key: string, producer?: string): Float64Array | undefined;
  /** What the server tells of its LoRA adapters; undefined when it has told nothing. */
  lora(slot: number): LoraInfo | undefined;
  /** Models the server says it serves; undefined when it was not asked or has not answered yet. */
  models(slot: number): ReadonlySet<string> | undefined;
}
