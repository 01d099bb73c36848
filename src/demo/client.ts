import type { IncomingHttpHeaders } from 'node:http';
import { Agent, request } from 'undici';
import { AnswerReader } from './answer-reader.ts';
import type { PlannedRequest } from './traffic.ts';

/**
 * How a request ended. `cut-off`: the answer had begun when its server went away, which no gateway can undo.
 * `failed`: everything else that is not a whole answer.
 */
export type Ending = 'answered' | 'cut-off' | 'failed';

/** What the client saw of one request. */
export interface Exchanged {
  readonly ending: Ending;
  /** 0 when no response came at all. */
  readonly status: number;
  /** `x-inference-pod` of the answer; empty when unknown. */
  readonly servedBy: string;
  readonly stream: boolean;
  /** From sending to the first byte of the answer's body; NaN when there was none. */
  readonly firstByteMs: number;
  /** Tokens of the prompt, and how many of them the server had cached; 0 when it did not say. */
  readonly promptTokens: number;
  readonly cachedTokens: number;
  /** Why it failed or was cut off, one line. */
  readonly detail: string;
}

/** Sends requests through the gateway and tells what came back. Never throws. */
export class Client {
  readonly #url: string;
  readonly #agent: Agent;
  readonly #nowMs: () => number;

  /** `timeoutMs` bounds the wait for headers and between two pieces of a body. */
  constructor(gatewayUrl: string, timeoutMs: number, nowMs: () => number = () => performance.now()) {
    this.#url = `${gatewayUrl}/v1/chat/completions`;
    this.#agent = new Agent({ headersTimeout: timeoutMs, bodyTimeout: timeoutMs, connect: { timeout: timeoutMs } });
    this.#nowMs = nowMs;
  }

  async send(planned: PlannedRequest, signal?: AbortSignal): Promise<Exchanged> {
    const sentAtMs = this.#nowMs();
    const answer = new AnswerReader(planned.stream);
    let status = 0;
    let servedBy = '';
    let firstByteMs = Number.NaN;
    const ended = (ending: Ending, detail = ''): Exchanged => {
      const { promptTokens, cachedTokens } = answer.usage();
      return { ending, status, servedBy, stream: planned.stream, firstByteMs, promptTokens, cachedTokens, detail };
    };
    try {
      const response = await request(this.#url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-tenant': planned.tenant },
        body: planned.body,
        dispatcher: this.#agent,
        ...(signal === undefined ? {} : { signal }),
      });
      status = response.statusCode;
      servedBy = podOf(response.headers);
      for await (const piece of response.body as AsyncIterable<Uint8Array>) {
        if (Number.isNaN(firstByteMs)) firstByteMs = this.#nowMs() - sentAtMs;
        answer.push(piece);
      }
    } catch (error) {
      return ended(status === 200 ? 'cut-off' : 'failed', reasonOf(error));
    }
    if (status !== 200) return ended('failed', `status ${status}: ${answer.text()}`);
    return answer.complete() ? ended('answered') : ended('cut-off', 'the answer ended early');
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }
}

function podOf(headers: IncomingHttpHeaders): string {
  const pod = headers['x-inference-pod'];
  return typeof pod === 'string' ? pod : '';
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.split('\n', 1)[0] : String(error);
}
