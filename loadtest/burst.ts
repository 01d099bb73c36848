/**
 * Herding: many requests at the same moment, again and again. A picker that knows load only from its last scrape sends
 * them all to the server that looked idle. Every burst is followed by one of the same size through the control, a
 * gateway that goes round robin without a picker: the even spread, on the same machine, in the same seconds, through
 * the same kind of proxy. A model of the servers would be no fair control, for it knows nothing of the noise here.
 *
 *   npm run loadtest -- burst                        starts servers, picker and two Envoys here
 *   npm run loadtest -- burst --url http://HOST      a gateway of yours; -e CONTROL_URL=http://HOST for the control
 *   k6 run -e GATEWAY_URL=http://HOST loadtest/burst.ts
 *
 * Every prompt is new and every answer one token, so that the time to its first byte (`http_req_waiting`) is TTFT and
 * no server has a reason to be preferred but load.
 *
 * Options, as environment variables:
 *   GATEWAY_URL    where to send; needed
 *   CONTROL_URL    the same servers, round robin; without it TTFT is shown but not compared
 *   SERVERS        servers behind the gateway (8; asked of FAULT_URL where that is set)
 *   MODEL          name of the served model (meta-llama/Llama-3.1-8B-Instruct)
 *   BURSTS         how many (100; 14 with SHORT)
 *   BURST_SIZE     requests in each (30)
 *   PROMPT_CHARS   length of a prompt (6000, about 1500 tokens)
 *   PAUSE_SECONDS  between bursts, long enough for the servers to be seen idle (0.1)
 *   FAULT_URL      control server of the stack
 *   SHORT          1 for the short form
 *   RESULTS_DIR    folder for summary.json and report.html
 */
import { sleep } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';
import { Counter, Gauge, Trend } from 'k6/metrics';
import type { Options } from 'k6/options';
import { type Answer, chatBody, checkAnswer, type ChatOptions, logFailure, servedBy } from './k6/chat.ts';
import { number, requiredUrl, SHORT, url } from './k6/env.ts';
import { FAULT_URL, serverNames } from './k6/fault-api.ts';
import { LIMITS, thresholdsOf } from './k6/limits.ts';
import { freshText, userRandom } from './k6/prompts.ts';
import type { Figure } from './k6/report.ts';
import { percentile, spread } from './k6/statistics.ts';
import { summaryOf, TREND_STATS } from './k6/summary.ts';

const GATEWAY_URL = requiredUrl('GATEWAY_URL', ['http', 'https']);
const CONTROL_URL = url('CONTROL_URL', ['http', 'https']);
const BURSTS = number('BURSTS', SHORT ? 14 : 100, 1, 100_000);
const BURST_SIZE = number('BURST_SIZE', 30, 2, 1_000);
const PROMPT_CHARS = number('PROMPT_CHARS', 6_000, 1, 100_000);
const PAUSE_SECONDS = number('PAUSE_SECONDS', 0.1, 0, 60);
const SERVERS = number('SERVERS', 8, 1, 10_000);
const LIMIT_SET = [...LIMITS.burst, ...(CONTROL_URL === '' ? [] : LIMITS['burst control'])];
/** Until connections are open and code is compiled. */
const UNCOUNTED_BURSTS = 2;

const failed = new Counter('requests_failed');
const bursts = new Counter('bursts');
const burstSpread = new Trend('burst_spread');
const controlSpread = new Trend('control_spread');
const ttft = new Trend('ttft_ms', true);
const controlTtft = new Trend('control_ttft_ms', true);
const p99OverControl = new Gauge('ttft_p99_over_control');
const slowestOverControl = new Trend('slowest_over_control');

export const options: Options = {
  scenarios: {
    // One user sends all: its `http.batch` is what makes them simultaneous.
    bursts: { executor: 'per-vu-iterations', vus: 1, iterations: BURSTS + UNCOUNTED_BURSTS, maxDuration: '24h' },
  },
  batch: BURST_SIZE,
  batchPerHost: BURST_SIZE,
  thresholds: thresholdsOf(LIMIT_SET, SHORT),
  summaryTrendStats: TREND_STATS,
};

const random = userRandom(0);
const seenMs: number[] = [];
const seenControlMs: number[] = [];

export function setup(): number {
  return FAULT_URL === '' ? SERVERS : serverNames().length;
}

export default function burst(servers: number): void {
  const counts = exec.scenario.iterationInTest >= UNCOUNTED_BURSTS;
  const answers = sendAll(GATEWAY_URL, 'picker');
  if (counts) {
    bursts.add(1);
    note(answers, servers, burstSpread, ttft, seenMs);
  }
  sleep(PAUSE_SECONDS);
  if (CONTROL_URL === '') return;
  const controlAnswers = sendAll(CONTROL_URL, 'control');
  if (counts) {
    note(controlAnswers, servers, controlSpread, controlTtft, seenControlMs);
    p99OverControl.add(percentile(seenMs, 0.99) / percentile(seenControlMs, 0.99));
    slowestOverControl.add(slowest(answers) / slowest(controlAnswers));
  }
  sleep(PAUSE_SECONDS);
}

/** All at once; what is not as it should be counts as failed and is left out. */
function sendAll(target: string, path: 'picker' | 'control'): Answer[] {
  const chats: ChatOptions[] = Array.from({ length: BURST_SIZE }, (_, index) => ({
    user: freshText(`${path}-${__ITER}-${index}`, PROMPT_CHARS, random),
    maxTokens: 1,
    stream: false,
  }));
  const params = { headers: { 'content-type': 'application/json' }, responseType: 'text', tags: { path } } as const;
  const answers = http.batch(
    chats.map((chat) => ({ method: 'POST', url: `${target}/v1/chat/completions`, body: chatBody(chat), params })),
  ) as unknown as Answer[];
  const fine = answers.filter((answer, index) => {
    if (checkAnswer(answer, chats[index]) !== undefined) return true;
    logFailure(answer);
    return false;
  });
  failed.add(answers.length - fine.length);
  return fine;
}

function slowest(answers: readonly Answer[]): number {
  return Math.max(...answers.map(({ timings }) => timings.waiting));
}

function note(answers: readonly Answer[], servers: number, spreads: Trend, times: Trend, seen: number[]): void {
  const perServer: Record<string, number> = {};
  for (const answer of answers) {
    const server = servedBy(answer);
    if (server !== '') perServer[server] = (perServer[server] ?? 0) + 1;
    times.add(answer.timings.waiting);
    seen.push(answer.timings.waiting);
  }
  const counts = Object.values(perServer);
  if (counts.length > 0) spreads.add(spread(counts, servers - counts.length));
}

export const handleSummary = summaryOf({
  script: 'burst',
  settings: { url: GATEWAY_URL, bursts: BURSTS, size: BURST_SIZE, 'prompt chars': PROMPT_CHARS },
  limits: LIMIT_SET,
  figures: [
    { title: 'bursts', metric: 'bursts', stats: ['count'], unit: '' },
    ...figuresOf('', 'burst_spread', 'ttft_ms'),
    ...(CONTROL_URL === '' ? [] : figuresOf(', round robin', 'control_spread', 'control_ttft_ms')),
  ],
});

function figuresOf(path: string, spreads: string, times: string): Figure[] {
  return [
    { title: `busiest server over the mean${path}`, metric: spreads, stats: ['avg', 'p(95)', 'max'], unit: '' },
    { title: `TTFT${path}`, metric: times, stats: ['med', 'p(95)', 'p(99)', 'max'], unit: 'ms' },
  ];
}
