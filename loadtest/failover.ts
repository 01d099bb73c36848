/**
 * Servers fail under load: one is killed (SIGKILL), one hangs (SIGSTOP), one answers 503 at once; each is healed again.
 * Told: requests that failed although no answer had begun, picks of the server while it was bad, and how long it took
 * after it was well until it had its equal share again.
 *
 *   npm run loadtest -- failover      starts servers, picker and Envoy here, and makes the servers fail
 *   k6 run -e GATEWAY_URL=http://HOST -e FAULT_URL=http://HOST:PORT loadtest/failover.ts
 *
 * The faults are ordered at FAULT_URL (see k6/fault-api.ts); without one there is nothing to test, and the script says
 * so and ends. Picks are those the picker counted itself, so that a request a retry saved still tells where it was
 * sent first.
 *
 * Options, as environment variables:
 *   GATEWAY_URL     where to send; needed
 *   FAULT_URL       control server of the stack; needed
 *   MODEL           name of the served model (meta-llama/Llama-3.1-8B-Instruct)
 *   RATE            requests per second (200)
 *   STREAM_SHARE    share of streamed answers, 0 to 1; these can be cut off (0.3)
 *   BEFORE_SECONDS  of load before each fault (5; 1 with SHORT)
 *   FAULT_SECONDS   a fault lasts (10; 3 with SHORT)
 *   HEAL_SECONDS    watched after a fault (35; 1.5 with SHORT)
 *   SHORT           1 for the short form
 *   RESULTS_DIR     folder for summary.json and report.html
 */
import { sleep } from 'k6';
import http from 'k6/http';
import { Counter, Gauge, Trend } from 'k6/metrics';
import type { Options, Scenario } from 'k6/options';
import { chatBody, checkAnswer, logFailure } from './k6/chat.ts';
import { endingOf } from './k6/ending.ts';
import { number, requiredUrl, SHORT } from './k6/env.ts';
import { FAULT_URL, inflict, readPicks, serverNames } from './k6/fault-api.ts';
import { failoverTable } from './k6/failover-table.ts';
import { LIMITS, thresholdsOf } from './k6/limits.ts';
import { picksOf, ReturnWatch } from './k6/picks.ts';
import { freshText, userRandom } from './k6/prompts.ts';
import { summaryOf, TREND_STATS } from './k6/summary.ts';

const GATEWAY_URL = requiredUrl('GATEWAY_URL', ['http', 'https']);
const RATE = number('RATE', 200, 1, 100_000);
const STREAM_SHARE = number('STREAM_SHARE', 0.3, 0, 1);
const BEFORE_SECONDS = number('BEFORE_SECONDS', SHORT ? 1 : 5, 0, 3_600);
const FAULT_SECONDS = number('FAULT_SECONDS', SHORT ? 3 : 10, 2.5, 3_600);
const HEAL_SECONDS = number('HEAL_SECONDS', SHORT ? 1.5 : 35, 1, 3_600);
const PHASE_SECONDS = BEFORE_SECONDS + FAULT_SECONDS + HEAL_SECONDS;
const MAX_TOKENS = 16;
/** Long enough to outlast a fault, short enough that what is lost counts as failed before k6 ends. */
const TIMEOUT_SECONDS = FAULT_SECONDS + 15;
const POLL_SECONDS = 0.25;
const WINDOW_SECONDS = Math.min(2, HEAL_SECONDS / 2);

/** The faults, one after the other, and how long the picker has to notice each. */
const FAULTS = [
  { fault: 'kill', noticeSeconds: 0.2 },
  { fault: 'hang', noticeSeconds: 2 },
  { fault: 'errors', noticeSeconds: 2 },
] as const;

type Fault = (typeof FAULTS)[number]['fault'];

const metricsOf = (fault: Fault) => ({
  answered: new Counter(`${fault}_answered`),
  cutOff: new Counter(`${fault}_cut_off`),
  failed: new Counter(`${fault}_failed`),
  answerMs: new Trend(`${fault}_answer_ms`, true),
  latePicks: new Counter(`${fault}_late_picks`),
  lateShare: new Gauge(`${fault}_late_share`),
  returnSeconds: new Gauge(`${fault}_return_seconds`),
});
const METRICS = { kill: metricsOf('kill'), hang: metricsOf('hang'), errors: metricsOf('errors') };
const returns = new Trend('return_seconds');
const measured = new Counter('faults_measured');

if (FAULT_URL === '') {
  throw new Error(`FAULT_URL: failover cannot make servers behind ${GATEWAY_URL} fail; set it to a control server`);
}

export const options: Options = {
  scenarios: Object.fromEntries(FAULTS.flatMap(({ fault }, index) => phase(fault, index))),
  thresholds: thresholdsOf(LIMITS.failover, SHORT),
  summaryTrendStats: TREND_STATS,
};

function phase(fault: Fault, index: number): [string, Scenario][] {
  const startTime = `${index * PHASE_SECONDS}s`;
  const env = { FAULT: fault };
  const load: Scenario = {
    executor: 'constant-arrival-rate',
    exec: 'send',
    rate: RATE,
    timeUnit: '1s',
    duration: `${PHASE_SECONDS}s`,
    startTime,
    env,
    preAllocatedVUs: RATE,
    maxVUs: 8 * RATE,
    gracefulStop: `${TIMEOUT_SECONDS + 5}s`,
  };
  const director: Scenario = {
    executor: 'shared-iterations',
    exec: 'direct',
    vus: 1,
    iterations: 1,
    startTime,
    env,
    maxDuration: `${PHASE_SECONDS + 30}s`,
  };
  return [
    [`${fault}_load`, load],
    [fault, director],
  ];
}

const random = userRandom(__VU);

/** k6 does not judge what was never fed: a run whose faults all went wrong must not pass. */
export function setup(): void {
  measured.add(0);
}

export function send(): void {
  const { answered, cutOff, failed, answerMs } = METRICS[__ENV['FAULT'] as Fault];
  const stream = random.next() < STREAM_SHARE;
  const chat = { user: freshText(`${__VU}-${__ITER}`, 200, random), maxTokens: MAX_TOKENS, stream };
  const answer = http.post(`${GATEWAY_URL}/v1/chat/completions`, chatBody(chat), {
    headers: { 'content-type': 'application/json' },
    responseType: 'text',
    timeout: `${TIMEOUT_SECONDS}s`,
  });
  const ending = endingOf(answer, checkAnswer(answer, chat) !== undefined);
  answered.add(ending === 'answered' ? 1 : 0);
  cutOff.add(ending === 'cut off' ? 1 : 0);
  failed.add(ending === 'failed' ? 1 : 0);
  if (ending === 'answered') answerMs.add(answer.timings.duration);
  else if (ending === 'failed') logFailure(answer);
}

export function direct(): void {
  const fault = __ENV['FAULT'] as Fault;
  const metrics = METRICS[fault];
  const { noticeSeconds = 0 } = FAULTS.find((one) => one.fault === fault) ?? {};
  const servers = serverNames();
  const victim = servers[FAULTS.findIndex((one) => one.fault === fault) % servers.length];
  try {
    sleep(BEFORE_SECONDS);
    inflict(victim, fault);
    sleep(noticeSeconds);
    const noticed = readPicks();
    sleep(FAULT_SECONDS - noticeSeconds);
    const late = picksOf(noticed, readPicks(), victim);
    metrics.latePicks.add(late.server);
    metrics.lateShare.add(late.server / late.all);
  } finally {
    inflict(victim, 'none');
  }
  const seconds = secondsToReturn(victim, servers.length);
  metrics.returnSeconds.add(seconds);
  returns.add(seconds);
  measured.add(1);
}

/** Until the server gets its share again; as long as it was watched when it does not. */
function secondsToReturn(victim: string, servers: number): number {
  const watch = new ReturnWatch(victim, servers, WINDOW_SECONDS);
  const beganMs = Date.now();
  const elapsed = (): number => (Date.now() - beganMs) / 1000;
  while (!watch.isBack(elapsed(), readPicks())) {
    if (elapsed() >= HEAL_SECONDS) return HEAL_SECONDS;
    sleep(POLL_SECONDS);
  }
  return elapsed();
}

export const handleSummary = summaryOf({
  script: 'failover',
  settings: { url: GATEWAY_URL, rate: RATE, 'fault seconds': FAULT_SECONDS, 'seconds watched after': HEAL_SECONDS },
  limits: LIMITS.failover,
  figures: [{ title: 'requests', metric: 'http_reqs', stats: ['count', 'rate'], unit: '' }],
  tables: (metrics) => [
    failoverTable(
      metrics,
      FAULTS.map(({ fault }) => fault),
      HEAL_SECONDS,
    ),
  ],
});
