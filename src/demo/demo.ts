import { setTimeout as delay } from 'node:timers/promises';
import { aborted } from '../lib/aborted.ts';
import { seededRandom } from '../lib/random.ts';
import type { GatewayChoice } from '../gateway/start-gateway.ts';
import { Client } from './client.ts';
import { percent } from './frame.ts';
import type { StartPicker } from './picker-handle.ts';
import { Progress } from './progress.ts';
import { type DemoServer, startSimulatedServer, type StartServer } from './servers.ts';
import { setStage, type Stage } from './stage.ts';
import type { Summary } from './stats.ts';
import { type PlannedRequest, planTraffic } from './traffic.ts';
import { LiveView, type Screen } from './view.ts';

/** No answer takes longer; a request that does has failed. */
const CLIENT_TIMEOUT_MS = 30_000;
const KILLED_AT = 0.5;
const BACK_AT = 0.75;
const MODEL = 'meta-llama/Llama-3.1-8B-Instruct';

export interface DemoOptions {
  readonly seed: number;
  /** How long requests are sent. */
  readonly seconds: number;
  readonly ratePerSecond: number;
  /** At least 2: one of them dies. */
  readonly servers: number;
  readonly gateway: GatewayChoice;
  /** TLS between gateway and picker. */
  readonly secure: boolean;
  /** End after the summary; else stay up until `signal`. */
  readonly once: boolean;
}

export interface DemoParts {
  readonly startPicker: StartPicker;
  /** Default: the simulator's. */
  readonly startServer?: StartServer;
  readonly screen: Screen;
  readonly signal: AbortSignal;
}

/** How a run went. */
export interface DemoResult {
  readonly summary: Summary;
  /** Requests that a retry saved. */
  readonly rescued: number;
  /** Whether it ran to its end. */
  readonly finished: boolean;
}

/**
 * Model servers, the picker and a gateway on loopback under a believable load; one server is killed half-way and
 * brought back. Rejects when a part cannot be started; whatever was started has then ended.
 */
export async function runDemo(options: DemoOptions, parts: DemoParts): Promise<DemoResult> {
  await using stack = new AsyncDisposableStack();
  const { screen, signal, startPicker, startServer = startSimulatedServer(MODEL) } = parts;
  const report = (line: string): void => screen.line(line);
  const stage = await setStage(options, { startPicker, startServer, signal, report }, stack);
  screen.line('');
  const progress = new Progress(stage, options.seconds * 1000);
  stage.picker.onDecision((decision) => progress.decided(decision));
  const view = new LiveView(screen, () => progress.frame());
  try {
    await Promise.all([sendTraffic(options, stage, progress, signal), killAndRevive(options, stage, progress, signal)]);
  } finally {
    view.stop();
    stage.picker.onDecision(undefined);
  }
  const summary = progress.stats.summary();
  const rescued = await stage.gateway.rescued();
  const finished = !signal.aborted;
  for (const line of summaryLines(summary, rescued)) screen.line(line);
  if (!options.once && finished) {
    for (const line of invitation(stage)) screen.line(line);
    await aborted(signal);
  }
  return { summary, rescued, finished };
}

async function sendTraffic(options: DemoOptions, stage: Stage, progress: Progress, signal: AbortSignal): Promise<void> {
  const { seed, ratePerSecond, seconds } = options;
  const client = new Client(stage.gateway.url, CLIENT_TIMEOUT_MS);
  const plan = planTraffic({ random: seededRandom(seed), model: MODEL, ratePerSecond, durationMs: seconds * 1000 });
  const sendOne = async (planned: PlannedRequest): Promise<void> => {
    const exchanged = await client.send(planned, signal);
    if (!signal.aborted) progress.ended(exchanged);
  };
  const underWay = new Set<Promise<void>>();
  for (const planned of plan) {
    await waitUntil(planned.atMs, progress, signal);
    if (signal.aborted) break;
    progress.sent();
    const exchange = sendOne(planned).finally(() => underWay.delete(exchange));
    underWay.add(exchange);
  }
  await Promise.all(underWay);
  await client.close();
}

/** The busiest server is the one whose death hurts most. */
async function killAndRevive(
  options: DemoOptions,
  stage: Stage,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const durationMs = options.seconds * 1000;
  await waitUntil(durationMs * KILLED_AT, progress, signal);
  if (signal.aborted) return;
  const { books } = stage.picker.table;
  const busy = ({ port }: DemoServer): number => books.inflight(progress.slotOf(port) ?? -1);
  const victim = stage.servers.reduce((most, server) => (busy(server) > busy(most) ? server : most));
  progress.event(`${victim.name} is KILLED with ${busy(victim)} requests in flight; the picker still lists it`);
  progress.isDown(victim.name, true);
  await victim.crash();
  await waitUntil(durationMs * BACK_AT, progress, signal);
  if (signal.aborted) return;
  await victim.restart();
  progress.isDown(victim.name, false);
  progress.event(`${victim.name} is back, with an empty cache`);
}

async function waitUntil(atMs: number, progress: Progress, signal: AbortSignal): Promise<void> {
  const leftMs = atMs - progress.elapsedMs;
  if (leftMs <= 0) return;
  try {
    await delay(leftMs, undefined, { signal });
  } catch {
    // Told to stop; the callers look at the signal.
  }
}

function summaryLines(summary: Summary, rescued: number): string[] {
  const { requests, answered, failed, cutOff, cutOffBeforeFirstToken, ttftMs, prefixHitRate, spread } = summary;
  const opened = cutOffBeforeFirstToken > 0 ? `, ${cutOffBeforeFirstToken} of them before the first token` : '';
  return [
    '',
    `requests         ${requests}, ${answered} answered`,
    `failed           ${failed} of those that had not begun to answer`,
    `cut off          ${cutOff} whose answer had begun when the server died${opened}`,
    `saved by retry   ${rescued} answered by the next endpoint of the picker's list`,
    `TTFT             p50 ${ms(ttftMs.p50)}, p90 ${ms(ttftMs.p90)}, p99 ${ms(ttftMs.p99)} (streamed requests)`,
    `prefix hit rate  ${percent(prefixHitRate)} of prompt tokens were cached`,
    `spread           ${Number.isNaN(spread) ? '-' : spread.toFixed(2)} (busiest server over the mean; 1 is even)`,
  ];
}

function ms(value: number): string {
  return Number.isNaN(value) ? '-' : `${value.toFixed(0)} ms`;
}

function invitation({ gateway, picker }: Stage): string[] {
  const body = JSON.stringify({
    model: MODEL,
    messages: [{ role: 'user', content: 'Which server are you?' }],
    max_tokens: 24,
    stream: true,
  });
  return [
    '',
    'Everything is still up. Ask something, from another terminal:',
    '',
    `  curl -iN ${gateway.url}/v1/chat/completions -H 'content-type: application/json' -d '${body}'`,
    '',
    `What the picker knows: curl http://127.0.0.1:${picker.metricsPort}/debug/endpoints   (Ctrl-C ends the demo)`,
  ];
}
