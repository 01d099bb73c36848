/**
 * External-processing streams straight at the picker, without a gateway and without model servers: what a pick costs.
 * Each stream carries a chat and its answer, as Envoy sends them in full duplex.
 *
 *   npm run loadtest -- extproc                             starts servers, picker and Envoy here
 *   npm run loadtest -- extproc --url grpcs://HOST:9002     a picker of yours; grpc:// when it speaks cleartext
 *   k6 run -e PICKER_URL=grpcs://HOST:9002 loadtest/extproc.ts
 *
 * Options, as environment variables:
 *   PICKER_URL        grpc://HOST:PORT or grpcs://HOST:PORT; needed. Any certificate is accepted, as by Istio
 *   MODEL             model the requests name (meta-llama/Llama-3.1-8B-Instruct)
 *   RATE              streams per second (100)
 *   DURATION_SECONDS  of the run (60; 10 with SHORT)
 *   PROMPT_CHARS      length of a prompt, half of it shared with others (1500)
 *   MAX_USERS         streams open at once at most (300)
 *   MAX_ENDPOINTS     endpoints an answer may name (3: the picker's --fallback-endpoints and one)
 *   SHORT             1 for the short form
 *   RESULTS_DIR       folder for summary.json and report.html
 */
import { check } from 'k6';
import { Counter, Trend } from 'k6/metrics';
import grpc from 'k6/net/grpc';
import type { Options } from 'k6/options';
import { chatBody, MODEL } from './k6/chat.ts';
import { number, requiredUrl, SHORT } from './k6/env.ts';
import { exchange, streamsTo } from './k6/ext-proc.ts';
import { LIMITS, thresholdsOf } from './k6/limits.ts';
import { freshText, sharedPrefix, userRandom } from './k6/prompts.ts';
import { summaryOf, TREND_STATS } from './k6/summary.ts';

const PICKER_URL = requiredUrl('PICKER_URL', ['grpc', 'grpcs']);
const RATE = number('RATE', 100, 1, 100_000);
const DURATION_SECONDS = number('DURATION_SECONDS', SHORT ? 10 : 60, 1, 86_400);
const PROMPT_CHARS = number('PROMPT_CHARS', 1_500, 1, 1_000_000);
const MAX_USERS = number('MAX_USERS', 300, 1, 10_000);
const MAX_ENDPOINTS = number('MAX_ENDPOINTS', 3, 1, 64);
const TIMEOUT_MS = 10_000;
const HOST_PORT = /^(\[[0-9a-f:]+\]|[^:,\s]+):\d+$/i;

const streams = new Counter('streams');
const failed = new Counter('streams_failed');
const pickMs = new Trend('pick_ms', true);
const named = new Trend('endpoints_named');

export const options: Options = {
  scenarios: {
    streams: {
      executor: 'constant-arrival-rate',
      rate: RATE,
      timeUnit: '1s',
      duration: `${DURATION_SECONDS}s`,
      preAllocatedVUs: Math.min(50, MAX_USERS),
      maxVUs: MAX_USERS,
    },
  },
  thresholds: thresholdsOf(LIMITS.extproc, SHORT),
  insecureSkipTLSVerify: true,
  summaryTrendStats: TREND_STATS,
};

const client = new grpc.Client();
client.load(
  [import.meta.resolve('../protos').replace('file://', '')],
  'envoy/service/ext_proc/v3/external_processor.proto',
);
const random = userRandom(__VU);
const open = streamsTo(client, PICKER_URL.replace(/^grpcs?:\/\//, ''), PICKER_URL.startsWith('grpc:'));

const RESPONSE = JSON.stringify({
  object: 'chat.completion',
  model: MODEL,
  choices: [{ index: 0, message: { role: 'assistant', content: 'Yes.' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 400, completion_tokens: 2, prompt_tokens_details: { cached_tokens: 0 } },
});

export default async function stream(): Promise<void> {
  const shared = sharedPrefix(random).slice(0, PROMPT_CHARS / 2);
  const user = freshText(`${__VU}-${__ITER}`, PROMPT_CHARS / 2, random);
  const request = chatBody({ system: shared, user, maxTokens: 32, stream: false });
  const result = await exchange(open, request, RESPONSE, TIMEOUT_MS);
  const fine = check(result, {
    'stream went to its end': ({ error, complete }) => error === '' && complete,
    'endpoints are named': ({ destinations }) =>
      destinations.length >= 1 &&
      destinations.length <= MAX_ENDPOINTS &&
      destinations.every((one) => HOST_PORT.test(one)),
    'no endpoint twice': ({ destinations }) => new Set(destinations).size === destinations.length,
    'request body is as it was': ({ requestBody }) => requestBody === request,
    'response headers are answered': ({ responseHeaders }) => responseHeaders,
    'response body is as it was': ({ responseBody }) => responseBody === RESPONSE,
  });
  streams.add(1);
  failed.add(fine ? 0 : 1);
  if (result.error !== '') console.warn(`failed: ${result.error}`);
  if (!Number.isNaN(result.pickMs)) pickMs.add(result.pickMs);
  named.add(result.destinations.length);
}

export const handleSummary = summaryOf({
  script: 'extproc',
  settings: { url: PICKER_URL, rate: RATE, seconds: DURATION_SECONDS, 'prompt chars': PROMPT_CHARS },
  limits: LIMITS.extproc,
  figures: [
    { title: 'streams', metric: 'streams', stats: ['count', 'rate'], unit: '' },
    { title: 'time to a pick', metric: 'pick_ms', stats: ['med', 'p(95)', 'p(99)', 'max'], unit: 'ms' },
    { title: 'endpoints named', metric: 'endpoints_named', stats: ['avg', 'min', 'max'], unit: '' },
  ],
});
