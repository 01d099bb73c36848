// What one request costs from its body to the end of its response, with the built-in configuration and 100 endpoints.
// Chats take turns with prompts that do not change.
import type { PickerCore } from '../../../src/app/core.ts';
import { NO_METADATA, type ProxyMetadata } from '../../../src/request/exchange.ts';
import { builtInCore } from '../../kit/built-in-core.ts';
import { headersOf } from '../../kit/headers.ts';
import type { MicroCase } from '../harness.ts';
import { chatBody } from './bodies.ts';
import { costUs } from './cpu.ts';

const ENDPOINTS = 100;
/** A prompt of a million tokens is 4 MB. */
const MILLION_TOKENS_TARGET_US = 30_000;

const toTheFirst = (): ProxyMetadata => NO_METADATA;
const toTheSecond = (destination: string): ProxyMetadata => ({
  subset: () => undefined,
  served: () => destination.split(',')[1],
});

export const request: MicroCase = {
  name: 'request',
  async *run(effort) {
    const core = await builtInCore(ENDPOINTS);
    try {
      for (const { what, bytes, chats, served = toTheFirst, target } of [
        { what: 'prompt of 1.5 kB', bytes: 1500, chats: 400 },
        { what: 'prompt of 1.5 kB, served by the second', bytes: 1500, chats: 400, served: toTheSecond },
        { what: 'prompt of 60 kB', bytes: 60_000, chats: 400 },
        { what: 'prompt of 500 kB', bytes: 500_000, chats: 20 },
        { what: 'prompt of 4 MB', bytes: 4_000_000, chats: 4, target: MILLION_TOKENS_TARGET_US },
      ]) {
        const bodies = Array.from({ length: chats }, (_, chat) => chatBody(bytes, chat));
        const value = costUs(effort, (i) => serve(core, bodies[i % chats], served));
        yield { what, value, unit: 'us', ...(target && { target }) };
      }
    } finally {
      core.close();
    }
  },
};

const requestHeaders = headersOf({ ':path': '/v1/chat/completions', 'x-request-id': 'bench' });
const responseHeaders = headersOf({ ':status': '200', 'content-type': 'application/json' });
const answer = Buffer.from('{"usage":{"prompt_tokens":400,"completion_tokens":1}}');

function serve(core: PickerCore, body: Uint8Array, served: (destination: string) => ProxyMetadata): void {
  const exchange = core.director.open(requestHeaders);
  const outcome = exchange.decide([body], NO_METADATA);
  if (outcome instanceof Promise || outcome.kind !== 'picked') throw new Error('the request was not picked for');
  exchange.responseHeaders(responseHeaders, served(outcome.destination));
  exchange.responseBody(answer, true);
  exchange.end('complete');
}
