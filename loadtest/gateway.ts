/**
 * Chats through a gateway: Envoy or Istio, or anything else that speaks the OpenAI API.
 *
 *   npm run loadtest -- gateway                      starts servers, picker and Envoy here
 *   npm run loadtest -- gateway --url http://HOST    a gateway of yours
 *   k6 run -e GATEWAY_URL=http://HOST loadtest/gateway.ts
 *
 * TTFT is the time to the first byte (`http_req_waiting`) of answers of one token. k6 shows a stream only when it has
 * ended, and servers open streams before the first token, so of streams the same number is when they opened.
 *
 * Options, as environment variables:
 *   GATEWAY_URL       where to send; needed
 *   MODEL             name of the served model (meta-llama/Llama-3.1-8B-Instruct)
 *   SCENARIO          constant, ramp, spike or soak (constant)
 *   RATE              requests per second (constant 100, ramp 50, spike 40, soak 300; 60 with SHORT)
 *   DURATION_SECONDS  of the whole run (60; ramp 90, soak 600; 10 with SHORT)
 *   RAMP_TO           last rate of a ramp (8 times RATE)
 *   RAMP_STEPS        steps of a ramp (10; 4 with SHORT)
 *   SPIKE_FACTOR      how much higher the spike is (5)
 *   MIX               weights of chat, prefix, stream, first-token (35, 25, 20, 20), like "chat=1,stream=1"
 *   MAX_USERS         requests open at once at most (1000)
 *   CHURN             changes of the pool per second during a soak, where FAULT_URL can make them (2)
 *   FAULT_URL         control server of the stack; a soak reads the picker's memory and books there
 *   SHORT             1 for the short form
 *   RESULTS_DIR       folder for summary.json and report.html
 */
import { sleep } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';
import { Counter, Gauge, Trend } from 'k6/metrics';
import type { Options } from 'k6/options';
import { arrivals, DURATION_SECONDS, phaseAt, PHASES, RAMP_RATES, RATE, SHAPE } from './k6/arrivals.ts';
import { chatBody, checkAnswer, logFailure } from './k6/chat.ts';
import { number, requiredUrl, SHORT } from './k6/env.ts';
import { churn, FAULT_URL, readPicker } from './k6/fault-api.ts';
import { LIMITS, thresholdsOf } from './k6/limits.ts';
import { rampTable, spikeTable } from './k6/phases.ts';
import { userRandom } from './k6/prompts.ts';
import { slopePerMinute } from './k6/statistics.ts';
import { summaryOf, TREND_STATS } from './k6/summary.ts';
import { chatOf, drawKind, readMix } from './k6/traffic.ts';

const GATEWAY_URL = requiredUrl('GATEWAY_URL', ['http', 'https']);
const CHURN = number('CHURN', 2, 0, 50);
const MIX = readMix();
const WATCHED = SHAPE === 'soak' && FAULT_URL !== '';
const LIMIT_SET = [...(SHAPE === 'ramp' ? LIMITS.ramp : LIMITS.gateway), ...(WATCHED ? LIMITS.soak : [])].filter(
  ({ metric }) => metric !== 'ttft_ms' || MIX['first-token'] > 0,
);
/** Share of a soak that is warm-up: code gets compiled, indexes fill. */
const WARM_UP = 0.3;
const MIB = 1024 * 1024;

const sent = new Counter('requests_sent');
const failed = new Counter('requests_failed');
const ttft = new Trend('ttft_ms', true);
const streamOpened = new Trend('stream_opened_ms', true);
const wholeAnswer = new Trend('whole_answer_ms', true);
const cachedShare = new Trend('prefix_cached_share');
const growth = new Gauge('picker_growth_mib_per_minute');
const residentMib = new Trend('picker_resident_mib');
const booksLeft = new Counter('books_left');
const readings = new Counter('picker_readings');
const phaseTtft = new Map(PHASES.map((phase) => [phase, new Trend(`${phase}_ttft_ms`, true)]));
const phaseAnswers = new Map(PHASES.map((phase) => [phase, new Counter(`${phase}_answers`)]));

export const options: Options = {
  scenarios: {
    load: arrivals(),
    ...(WATCHED
      ? { watch: { executor: 'shared-iterations', exec: 'watch', vus: 1, iterations: 1, maxDuration: '25h' } }
      : {}),
  },
  thresholds: thresholdsOf(LIMIT_SET, SHORT),
  summaryTrendStats: TREND_STATS,
};

const random = userRandom(__VU);

/** k6 does not judge what was never fed. */
export function setup(): void {
  if (WATCHED) readings.add(0);
}

export function send(): void {
  const kind = drawKind(MIX, random);
  const chat = chatOf(kind, `${__VU}-${__ITER}`, random);
  const phase = phaseAt(Date.now() - exec.scenario.startTime) ?? '';
  const answer = http.post(`${GATEWAY_URL}/v1/chat/completions`, chatBody(chat), {
    headers: { 'content-type': 'application/json' },
    responseType: 'text',
    tags: { kind },
    timeout: '25s',
  });
  const usage = checkAnswer(answer, chat);
  sent.add(1);
  failed.add(usage === undefined ? 1 : 0);
  if (usage === undefined) {
    logFailure(answer);
    return;
  }
  phaseAnswers.get(phase)?.add(1);
  if (kind === 'stream') streamOpened.add(answer.timings.waiting);
  else if (kind === 'first-token') {
    ttft.add(answer.timings.waiting);
    phaseTtft.get(phase)?.add(answer.timings.waiting);
  } else wholeAnswer.add(answer.timings.duration);
  const cached = usage.prompt_tokens_details?.cached_tokens;
  if (chat.system !== undefined && cached !== undefined) cachedShare.add(cached / usage.prompt_tokens);
}

/** Follows the picker's memory through a soak, then looks into its books once all answers are there. */
export function watch(): void {
  const endMs = exec.scenario.startTime + DURATION_SECONDS * 1000;
  const points: [number, number][] = [];
  churn(CHURN);
  while (Date.now() < endMs) {
    sleep(Math.min(5, DURATION_SECONDS / 6));
    const mib = readPicker().residentBytes / MIB;
    const seconds = (Date.now() - exec.scenario.startTime) / 1000;
    readings.add(1);
    residentMib.add(mib);
    if (seconds > DURATION_SECONDS * WARM_UP) points.push([seconds, mib]);
    if (points.length > 1) growth.add(slopePerMinute(points));
  }
  churn(0);
  for (let seconds = 0; seconds < 30 && readPicker().inflight > 0; seconds += 1) sleep(1);
  booksLeft.add(readPicker().inflight);
}

export const handleSummary = summaryOf({
  script: `gateway ${SHAPE}`,
  settings: { url: GATEWAY_URL, rate: RATE, seconds: DURATION_SECONDS, ...(WATCHED ? { churn: CHURN } : {}) },
  limits: LIMIT_SET,
  figures: [
    { title: 'requests', metric: 'requests_sent', stats: ['count', 'rate'], unit: '' },
    { title: 'TTFT (answers of one token)', metric: 'ttft_ms', stats: ['med', 'p(95)', 'p(99)'], unit: 'ms' },
    { title: 'streams opened after', metric: 'stream_opened_ms', stats: ['med', 'p(95)', 'p(99)'], unit: 'ms' },
    { title: 'whole answers after', metric: 'whole_answer_ms', stats: ['med', 'p(95)', 'p(99)'], unit: 'ms' },
    {
      title: 'cached share of prompts with a shared prefix',
      metric: 'prefix_cached_share',
      stats: ['avg'],
      unit: 'share',
    },
    ...(WATCHED
      ? [{ title: "picker's memory, MiB", metric: 'picker_resident_mib', stats: ['min', 'max'], unit: '' as const }]
      : []),
  ],
  tables: (measured) =>
    SHAPE === 'ramp'
      ? [rampTable(measured, RAMP_RATES, DURATION_SECONDS / RAMP_RATES.length)]
      : SHAPE === 'spike'
        ? [spikeTable(measured)]
        : [],
});
