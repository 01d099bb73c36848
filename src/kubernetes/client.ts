import type { KubeConfig, RequestContext } from '@kubernetes/client-node';
import { type Dispatcher, request as send } from 'undici';
import { ApiError, connectionError, errorOf } from './api-error.ts';
import type { ApiQuery, ApiRequest, KubernetesApi, WatchEvent, WatchRequest } from './api.ts';
import { jsonLines } from './json-lines.ts';

const TIMEOUT_MS = 30_000;
const USER_AGENT = 'pointsman';
/** The least of what the library's authentication asks of a request. */
type Credentials = Pick<RequestContext, 'setHeaderParam' | 'setDispatcher'>;

/**
 * The API server over HTTP/1.1, a connection for each watch, so that one that dies takes nothing else with it. Who we
 * are and how TLS is checked is the library's to say, for every request anew: tokens in files are rotated. Its own HTTP
 * clients are not used: they open a connection for each request, drop what the server says about a refusal, and give
 * up on a quiet watch after 30 s.
 */
export class KubernetesClient implements KubernetesApi {
  readonly server: string;
  readonly #config: KubeConfig;
  #dispatcher: Dispatcher | undefined;

  constructor(config: KubeConfig) {
    this.#config = config;
    this.server = config.getCurrentCluster()?.server.replace(/\/+$/, '') ?? '';
  }

  async request(request: ApiRequest): Promise<unknown> {
    const { method = 'GET', body, contentType = 'application/json', timeoutMs = TIMEOUT_MS } = request;
    const signal = withTimeout(timeoutMs, request.signal);
    const headers: Record<string, string> = body === undefined ? {} : { 'content-type': contentType };
    const answer = await this.#send(request.path, request.query, {
      method,
      headers,
      signal,
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await this.#guard(answer.body.text(), request.signal);
    if (answer.statusCode >= 300) throw this.#refusal(answer, text);
    return text === '' ? undefined : parsed(text);
  }

  async *watch({ path, query, signal, idleMs, onOpen }: WatchRequest): AsyncGenerator<WatchEvent> {
    const answer = await this.#send(
      path,
      { ...query, watch: true },
      {
        method: 'GET',
        headers: {},
        signal,
        body: null,
        headersTimeout: TIMEOUT_MS,
        bodyTimeout: idleMs,
      },
    );
    if (answer.statusCode !== 200) {
      throw this.#refusal(answer, await this.#guard(answer.body.text(), signal));
    }
    onOpen?.();
    try {
      for await (const event of jsonLines(answer.body)) yield event as WatchEvent;
    } catch (error) {
      throw this.#lost(error, signal);
    } finally {
      answer.body.destroy();
    }
  }

  async close(): Promise<void> {
    await this.#dispatcher?.destroy();
    this.#dispatcher = undefined;
  }

  async #send(
    path: string,
    query: ApiQuery | undefined,
    options: Omit<Dispatcher.RequestOptions, 'path' | 'origin' | 'headers'> & {
      readonly headers: Record<string, string>;
      readonly signal: AbortSignal;
    },
  ): Promise<Dispatcher.ResponseData> {
    const { signal } = options;
    try {
      signal.throwIfAborted();
      const { headers, dispatcher } = await this.#credentials();
      const all = { accept: 'application/json', 'user-agent': USER_AGENT, ...options.headers, ...headers };
      // HTTP/1.1 only, which the types of a request have no word for.
      const http1 = { ...options, headers: all, ...(dispatcher && { dispatcher }), allowH2: false };
      return await send(urlOf(this.server, path, query), http1);
    } catch (error) {
      throw this.#lost(error, signal);
    }
  }

  /**
   * Headers that say who we are, and the connections to use. The library makes a new pool of connections each time;
   * only the first is used, until one of its connections fails, for then a renewed authority may be why.
   */
  async #credentials(): Promise<{ readonly headers: Record<string, string>; readonly dispatcher?: Dispatcher }> {
    const headers: Record<string, string> = {};
    const given: Credentials = {
      setHeaderParam(name, value) {
        headers[name.toLowerCase()] = value;
      },
      setDispatcher: (made) => {
        this.#dispatcher ??= made;
      },
    };
    await this.#config.applySecurityAuthentication(given as RequestContext);
    return { headers, ...(this.#dispatcher && { dispatcher: this.#dispatcher }) };
  }

  #refusal({ statusCode, headers }: Dispatcher.ResponseData, text: string): ApiError {
    const { 'retry-after': retryAfter } = headers;
    const error = errorOf(statusCode, text, typeof retryAfter === 'string' ? retryAfter : undefined);
    if (error.fault === 'unauthorized') this.#reconnect();
    return error;
  }

  async #guard<T>(reading: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    try {
      return await reading;
    } catch (error) {
      throw this.#lost(error, signal);
    }
  }

  /** A connection that failed; an order to stop is passed on as it is. */
  #lost(error: unknown, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted === true && !isTimeout(signal.reason)) return signal.reason;
    this.#reconnect();
    return connectionError(error, this.server);
  }

  /** Makes the next request open a connection of its own; those under way may end as they can. */
  #reconnect(): void {
    this.#dispatcher?.close().catch(() => undefined);
    this.#dispatcher = undefined;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ApiError('garbled', `the answer is not JSON: ${text.slice(0, 80)}`);
  }
}

function urlOf(server: string, path: string, query: ApiQuery = {}): URL {
  const url = new URL(server + path);
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) url.searchParams.set(name, String(value));
  }
  return url;
}

function withTimeout(timeoutMs: number, signal: AbortSignal | undefined): AbortSignal {
  const timeout = AbortSignal.timeout(timeoutMs);
  return signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
}

function isTimeout(reason: unknown): boolean {
  return reason instanceof DOMException && reason.name === 'TimeoutError';
}
