/**
 * What one request costs from its body to the end of its response, with the built-in configuration:
 *   node test/bench/decide.ts [endpoints]
 * CPU time, all threads of the process: least and median, over rounds, of the mean per request. A few hundred chats
 * take turns with prompts that do not change.
 */
import { loadConfig } from '../../src/app/config.ts';
import { buildCore } from '../../src/app/core.ts';
import type { Headers } from '../../src/core/headers.ts';
import { NO_METADATA, type ProxyMetadata } from '../../src/request/exchange.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { TEST_SETTINGS } from '../kit/picker.ts';
import { endpointSpec, scraped } from '../kit/pool.ts';

const endpoints = Number(process.argv[2] ?? 100);
const ROUNDS = 40;
const REQUESTS = 2000;
const CHATS = 400;

const { config } = await loadConfig({ file: undefined, text: undefined, allowExperimental: false });
const metrics = new Metrics({ processMetrics: false });
const core = buildCore(config, TEST_SETTINGS, metrics, createLog('error'));
core.table.replace(Array.from({ length: endpoints }, (_, index) => endpointSpec(index)));
for (const slot of core.table.all) scraped(core.table, slot, {});

function headersOf(fields: Readonly<Record<string, string>>): Headers {
  return { get: (name) => fields[name] };
}

const requestHeaders = headersOf({ ':path': '/v1/chat/completions', 'x-request-id': 'bench' });
const responseHeaders = headersOf({ ':status': '200', 'content-type': 'application/json' });
const answer = Buffer.from('{"usage":{"prompt_tokens":400,"completion_tokens":1}}');

function bodyOf(chat: number, kilobytes: number): Uint8Array {
  const text = `chat ${chat} `.repeat(Math.ceil((kilobytes * 1024) / 9)).slice(0, kilobytes * 1024);
  return Buffer.from(JSON.stringify({ model: 'm', messages: [{ role: 'user', content: text }] }));
}

/** Mean CPU microseconds per request; with `served`, each request is answered by another endpoint than the first picked. */
function round(bodies: readonly Uint8Array[], served: (destination: string) => ProxyMetadata): number {
  const before = process.cpuUsage();
  for (let i = 0; i < REQUESTS; i++) {
    const exchange = core.director.open(requestHeaders);
    const outcome = exchange.decide([bodies[i % bodies.length]], NO_METADATA);
    if (outcome instanceof Promise || outcome.kind !== 'picked') throw new Error('the request was not picked for');
    exchange.responseHeaders(responseHeaders, served(outcome.destination));
    exchange.responseBody(answer, true);
    exchange.end('complete');
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / REQUESTS;
}

for (const [name, kilobytes, metadata] of [
  ['1.5 kB prompts', 1.5, () => NO_METADATA],
  ['60 kB prompts', 60, () => NO_METADATA],
  [
    '1.5 kB prompts, all fail over to the second',
    1.5,
    (destination: string) => ({ subset: () => undefined, served: () => destination.split(',')[1] }),
  ],
] as const) {
  const bodies = Array.from({ length: CHATS }, (_, chat) => bodyOf(chat, kilobytes));
  const times = Array.from({ length: ROUNDS }, () => round(bodies, metadata)).toSorted((a, b) => a - b);
  process.stdout.write(
    `${times[0].toFixed(1).padStart(8)} us best ${times[ROUNDS / 2].toFixed(1).padStart(8)} us median  ${name}\n`,
  );
}
core.close();
