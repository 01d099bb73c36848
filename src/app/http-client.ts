import { Agent, request } from 'undici';
import { CallError, type HttpClient } from '../core/http-client.ts';

/** Idle connections kept to one server. Source: contract 3.5, token producer. */
const CONNECTIONS = 16;

/** Calls servers over HTTP/1.1 with connections that are kept. */
export const systemHttpClient: HttpClient = createHttpClient();

export function createHttpClient(): HttpClient {
  const agent = new Agent({ connections: CONNECTIONS, allowH2: false });
  return {
    async postJson(url, body, { timeoutMs, maxBytes }) {
      const signal = AbortSignal.timeout(timeoutMs);
      try {
        const answer = await request(url, {
          method: 'POST',
          headers: { 'content-type': 'application/json', accept: 'application/json' },
          body: typeof body === 'string' ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength),
          dispatcher: agent,
          signal,
        });
        if (answer.statusCode < 200 || answer.statusCode > 299) {
          await answer.body.dump();
          throw new CallError(`status ${answer.statusCode}`, answer.statusCode);
        }
        const pieces: Buffer[] = [];
        let bytes = 0;
        for await (const piece of answer.body as AsyncIterable<Buffer>) {
          bytes += piece.length;
          if (bytes > maxBytes) throw new Error(`an answer of more than ${maxBytes} bytes`);
          pieces.push(piece);
        }
        return JSON.parse(Buffer.concat(pieces).toString()) as unknown;
      } catch (error) {
        const reason = signal.aborted ? `no answer within ${timeoutMs} ms` : (error as Error).message;
        const status = error instanceof CallError ? error.status : undefined;
        throw new CallError(`POST ${withoutQuery(url)}: ${reason}`, status, { cause: error });
      }
    },
  };
}

/** A query may carry a key. */
function withoutQuery(url: string): string {
  return url.split('?', 1)[0];
}
