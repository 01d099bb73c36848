/** One request to the API server. */
export interface ApiRequest {
  /** Default: GET. */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Begins with a slash. */
  readonly path: string;
  readonly query?: ApiQuery;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Of the body. Default: `application/json`. */
  readonly contentType?: string;
  readonly signal?: AbortSignal;
  /** From the start to the end of the answer. Default: 30,000. */
  readonly timeoutMs?: number;
}

/** Undefined values are left out. */
export type ApiQuery = Readonly<Record<string, string | number | boolean | undefined>>;

export interface WatchRequest {
  readonly path: string;
  readonly query?: ApiQuery;
  readonly signal: AbortSignal;
  /** A watch that brings nothing for so long, not even a bookmark, ends with the fault `idle`. */
  readonly idleMs: number;
  /** The server took the request; events follow. */
  readonly onOpen?: () => void;
}

/** One line of a watch; `object` is a `Status` when `type` is `ERROR`. */
export interface WatchEvent {
  readonly type: string;
  readonly object: KubeObject;
}

/** What every object has; everything else is to be checked by whoever reads it. */
export interface KubeObject {
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly creationTimestamp?: string;
    readonly deletionTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** An API server, as far as anything here needs one. */
export interface KubernetesApi {
  /** Where it is, for messages. */
  readonly server: string;
  /** Resolves to the parsed answer of a success. Rejects with `ApiError`. */
  request(request: ApiRequest): Promise<unknown>;
  /** Ends when the server ends the watch. Throws `ApiError`. */
  watch(request: WatchRequest): AsyncIterable<WatchEvent>;
}
