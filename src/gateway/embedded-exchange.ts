import { randomUUID } from 'node:crypto';
import type { Agent, IncomingMessage, ServerResponse } from 'node:http';
import { BodySendMode, type ProcessingResponse } from '../protos/ext-proc.ts';
import { errorText } from './error-text.ts';
import { fromRaw, type HeaderList, headerValue, mutate, toHeaderMap, toRaw } from './header-list.ts';
import { type PickerAnswer, RequestPhase, StreamFault, streamedPiece } from './picker-answer.ts';
import type { PickerClient, PickerStream } from './picker-client.ts';
import { sendToFirst, type UpstreamResponse } from './upstream.ts';

/** Counters named after Envoy's `ext_proc` statistics. */
export interface EmbeddedStats {
  streamsStarted: number;
  streamsFailed: number;
  /** Answers Envoy would not have expected where they came; each fails its stream. */
  spuriousMessages: number;
  rejectedHeaderMutations: number;
  immediateResponses: number;
  /** Requests that another endpoint of the list answered. */
  rescued: number;
}

export interface ExchangeParts {
  readonly picker: PickerClient;
  readonly agent: Agent;
  readonly stats: EmbeddedStats;
}

/** One request through the gateway, from the client's headers to the last byte of the answer. */
export class EmbeddedExchange {
  readonly #incoming: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #parts: ExchangeParts;
  readonly #stream: PickerStream;
  readonly #gone = new AbortController();
  readonly #headers: HeaderList;

  constructor(incoming: IncomingMessage, response: ServerResponse, parts: ExchangeParts) {
    this.#incoming = incoming;
    this.#response = response;
    this.#parts = parts;
    this.#headers = requestHeaders(incoming);
    parts.stats.streamsStarted++;
    this.#stream = parts.picker.open();
    response.once('close', () => {
      this.#stream.cancel();
      this.#gone.abort();
    });
  }

  /** Resolves when the request is over. Never throws: a fault is a 500, or a cut connection once an answer began. */
  async run(): Promise<void> {
    try {
      const answer = await this.#askPicker();
      if (answer.kind === 'immediate') this.#refuse(answer);
      else await this.#serve(answer);
    } catch (error) {
      if (!this.#gone.signal.aborted) this.#fail(error);
    }
  }

  async #askPicker(): Promise<PickerAnswer> {
    const phase = new RequestPhase(hasBody(this.#incoming));
    const sent = this.#sendRequest();
    // Sending fails only with the client, and then `#gone` ends the reading as well.
    sent.catch(() => this.#stream.cancel());
    for (;;) {
      const done = phase.take(await this.#stream.next());
      if (done !== undefined) return done;
    }
  }

  async #sendRequest(): Promise<void> {
    const mode = BodySendMode.FULL_DUPLEX_STREAMED;
    const endOfStream = !hasBody(this.#incoming);
    await this.#stream.send({
      requestHeaders: { headers: toHeaderMap(this.#headers), endOfStream },
      protocolConfig: { requestBodyMode: mode, responseBodyMode: mode },
    });
    if (endOfStream) return;
    for await (const body of this.#incoming as AsyncIterable<Buffer>) {
      await this.#stream.send({ requestBody: { body, endOfStream: false } });
    }
    await this.#stream.send({ requestBody: { body: Buffer.alloc(0), endOfStream: true } });
  }

  #refuse({ response }: PickerAnswer & { kind: 'immediate' }): void {
    this.#parts.stats.immediateResponses++;
    const { headers } = mutate([['content-type', 'text/plain']], response.headers);
    const body = Buffer.from(response.body ?? []);
    const raw = [...toRaw(headers), 'content-length', String(body.length)];
    this.#response.writeHead(response.status?.code ?? 500, raw);
    this.#response.end(body);
  }

  async #serve(answer: PickerAnswer & { kind: 'picked' }): Promise<void> {
    const { headers, rejected } = mutate(this.#headers, answer.mutation);
    this.#parts.stats.rejectedHeaderMutations += rejected;
    let upstream: UpstreamResponse;
    try {
      upstream = await sendToFirst(
        answer.destinations,
        {
          method: this.#incoming.method ?? 'GET',
          path: headerValue(headers, ':path') ?? '/',
          headers,
          body: answer.body,
        },
        this.#parts.agent,
        this.#gone.signal,
      );
    } catch (error) {
      if (this.#gone.signal.aborted) return;
      this.#stream.cancel();
      this.#response.writeHead(503, { 'content-type': 'text/plain' });
      this.#response.end(`no upstream answered: ${errorText(error)}`);
      return;
    }
    if (upstream.retries > 0) this.#parts.stats.rescued++;
    await this.#passResponse(upstream);
  }

  async #passResponse({ served, message }: UpstreamResponse): Promise<void> {
    const status = message.statusCode ?? 502;
    const headers: HeaderList = [[':status', String(status)], ...fromRaw(message.rawHeaders)];
    const endOfStream = isBodiless(this.#incoming.method, status, message);
    const fields = { 'x-gateway-destination-endpoint-served': { stringValue: served } };
    await this.#stream.send({
      responseHeaders: { headers: toHeaderMap(headers), endOfStream },
      metadataContext: { filterMetadata: { 'envoy.lb': { fields } } },
    });
    const answer = await this.#stream.next();
    const changed = mutate(headers, this.#responseHeaderMutation(answer));
    this.#parts.stats.rejectedHeaderMutations += changed.rejected;
    this.#response.writeHead(Number(headerValue(changed.headers, ':status') ?? status), toRaw(changed.headers));
    if (endOfStream) {
      message.resume();
      this.#stream.end();
      this.#response.end();
      return;
    }
    this.#response.flushHeaders();
    if (answer === undefined) await this.#passUnseen(message);
    else await Promise.all([this.#sendResponseBody(message), this.#receiveResponseBody()]);
  }

  #responseHeaderMutation(answer: ProcessingResponse | undefined) {
    if (answer === undefined) return undefined;
    if (answer.responseHeaders) return answer.responseHeaders.response?.headerMutation;
    throw new StreamFault('an answer to the response headers was expected');
  }

  /** The picker has left in order: the rest is none of its business. */
  async #passUnseen(message: IncomingMessage): Promise<void> {
    for await (const piece of message as AsyncIterable<Buffer>) await this.#write(piece);
    this.#response.end();
  }

  async #sendResponseBody(message: IncomingMessage): Promise<void> {
    for await (const body of message as AsyncIterable<Buffer>) {
      await this.#stream.send({ responseBody: { body, endOfStream: false } });
    }
    await this.#stream.send({ responseBody: { body: Buffer.alloc(0), endOfStream: true } });
    this.#stream.end();
  }

  async #receiveResponseBody(): Promise<void> {
    for (;;) {
      const answer = await this.#stream.next();
      const piece = streamedPiece(answer?.responseBody);
      if (piece === undefined) throw new StreamFault('a piece of the response body was expected');
      if (piece.body) await this.#write(piece.body);
      if (piece.endOfStream === true) break;
    }
    this.#response.end();
  }

  /** Resolves when the client has room for more, or is gone. */
  async #write(piece: Uint8Array): Promise<void> {
    if (piece.length === 0 || this.#response.write(piece) || this.#response.destroyed) return;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        this.#response.off('drain', go);
        this.#response.off('close', go);
        resolve();
      };
      this.#response.on('drain', go);
      this.#response.on('close', go);
    });
  }

  #fail(error: unknown): void {
    this.#parts.stats.streamsFailed++;
    if (error instanceof StreamFault) this.#parts.stats.spuriousMessages++;
    this.#stream.cancel();
    if (this.#response.headersSent) this.#response.destroy();
    else this.#response.writeHead(500, { 'content-length': '0' }).end();
  }
}

function requestHeaders(incoming: IncomingMessage): HeaderList {
  const headers = fromRaw(incoming.rawHeaders);
  const withId = headerValue(headers, 'x-request-id') === undefined;
  return [
    [':method', incoming.method ?? 'GET'],
    [':path', incoming.url ?? '/'],
    [':scheme', 'http'],
    [':authority', incoming.headers.host ?? ''],
    ...headers,
    ...(withId ? [['x-request-id', randomUUID()] as const] : []),
  ];
}

function hasBody(incoming: IncomingMessage): boolean {
  const length = incoming.headers['content-length'];
  return incoming.headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0');
}

function isBodiless(method: string | undefined, status: number, message: IncomingMessage): boolean {
  return method === 'HEAD' || status === 204 || status === 304 || message.headers['content-length'] === '0';
}
