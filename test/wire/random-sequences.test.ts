import fc from 'fast-check';
import { expect, it } from 'vitest';
import { reject } from '../../src/core/errors.ts';
import { Capacity } from '../../src/ext-proc/capacity.ts';
import { ExtProcStream } from '../../src/ext-proc/stream.ts';
import type { ProcessingRequest } from '../../src/protos/ext-proc.ts';
import type { Outcome } from '../../src/request/exchange.ts';
import { ProxyModel } from './proxy-model.ts';
import { message, PICKED, RecordingWire, type Script, ScriptedDirector } from './support.ts';

const RUNS = 100_000;
const MAX_BODY_BYTES = 130_000;

const REFUSED: Outcome = {
  kind: 'rejected',
  rejection: reject('ResourceExhausted', 'full', 'rejected-saturated'),
  dialect: 'none',
};
const LONG = Buffer.alloc(70_000, 'long');

const REQUEST_BODIES = ['ab', '', LONG].flatMap((body) => [
  message.requestBody(body, false),
  message.requestBody(body, true),
]);
const RESPONSE_BODIES = ['cd', '', LONG].flatMap((body) => [
  message.responseBody(body, false),
  message.responseBody(body, true),
]);
const REQUEST_HEADERS = [message.requestHeaders(false), message.requestHeaders(true)];
const RESPONSE_HEADERS = [message.responseHeaders(false), message.responseHeaders(true)];
const REQUEST_TRAILERS = message.requestTrailers();
const RESPONSE_TRAILERS = message.responseTrailers();
const ALL: readonly ProcessingRequest[] = [
  ...REQUEST_HEADERS,
  ...REQUEST_BODIES,
  REQUEST_TRAILERS,
  ...RESPONSE_HEADERS,
  ...RESPONSE_BODIES,
  RESPONSE_TRAILERS,
];

/** What a proxy that keeps to the protocol could send next. */
function legal({ request, response }: ProxyModel): readonly ProcessingRequest[] {
  if (response.whole) return [];
  if (response.headersSent) return [...RESPONSE_BODIES, RESPONSE_TRAILERS];
  if (!request.headersSent) return REQUEST_HEADERS;
  return request.whole ? RESPONSE_HEADERS : [...REQUEST_BODIES, REQUEST_TRAILERS];
}

/** One step of a sequence, out of one random number. */
class Step {
  readonly #dice: number;

  constructor(dice: number) {
    this.#dice = dice;
  }

  /** One message in ten is anything at all. */
  get anything(): boolean {
    return this.#dice % 10 === 0;
  }

  /** Whether decisions that are ready arrive before the next message. */
  get patient(): boolean {
    return this.#dice % 3 > 0;
  }

  message(proxy: ProxyModel): ProcessingRequest | undefined {
    const choices = this.anything ? ALL : this.#replies(proxy) ? RESPONSE_HEADERS : legal(proxy);
    return choices[Math.floor(this.#dice / 30) % choices.length];
  }

  /** One time in ten the proxy replies by itself where it can. */
  #replies({ request, response }: ProxyModel): boolean {
    return this.#dice % 10 === 1 && request.headersSent && !response.headersSent;
  }
}

function fault(): never {
  throw new Error('scripted');
}

const SCRIPTS: Record<string, Script> = {
  picked: { decide: () => PICKED },
  refused: { decide: () => REFUSED },
  throwing: { decide: fault },
  'picked later': { decide: async () => PICKED },
  'refused later': { decide: async () => REFUSED },
  'throwing later': { decide: async () => fault() },
  unopened: { open: fault, decide: fault },
  blind: { decide: () => PICKED, observe: fault },
};

const runs = fc.record({
  script: fc.constantFrom(...Object.keys(SCRIPTS)),
  steps: fc.array(
    fc.nat(29_999).map((dice) => new Step(dice)),
    { maxLength: 12 },
  ),
  ending: fc.constantFrom('half-close', 'cancel', 'break'),
});

type Run = typeof runs extends fc.Arbitrary<infer T> ? T : never;

/** How often each way to end came up: a property that is never put to the test proves nothing. */
const seen = { complete: 0, disconnect: 0, violation: 0, refused: 0, bypassed: 0, 'too large': 0, trailers: 0 };

function tally(proxy: ProxyModel, wire: RecordingWire, director: ScriptedDirector): void {
  if (director.ends[0] === 'complete' && !proxy.refused) seen.complete++;
  if (director.ends[0] === 'client-disconnect') seen.disconnect++;
  if (wire.closed) seen.violation++;
  if (proxy.refused) seen.refused++;
  if (proxy.response.headersAnswered && !proxy.request.headersAnswered) seen.bypassed++;
  if (wire.answers[0]?.immediateResponse?.status?.code === 413) seen['too large']++;
  if (proxy.request.trailersAnswered) seen.trailers++;
}

/** Lets decisions that are ready arrive: a promise in a promise takes three turns. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await Promise.resolve();
}

async function play(run: Run): Promise<void> {
  const director = new ScriptedDirector(SCRIPTS[run.script]);
  const wire = new RecordingWire();
  const capacity = new Capacity();
  const stream = new ExtProcStream({ director, capacity, maxBodyBytes: MAX_BODY_BYTES }, wire);
  const proxy = new ProxyModel();
  let judged = 0;
  const judge = (): void => {
    while (judged < wire.answers.length) proxy.answer(wire.answers[judged++] ?? {});
  };
  const slow = run.script.endsWith('later');
  let lawful = true;
  for (const step of run.steps) {
    const next = step.message(proxy);
    if (next === undefined || wire.closed !== undefined) break;
    lawful &&= !step.anything;
    proxy.send(next);
    stream.receive(next);
    if (slow && step.patient) await settle();
    judge();
    if (!wire.closed) proxy.checkSettled(!slow || step.patient);
  }
  if (lawful) expect(wire.closed ?? '').toBe('');
  if (run.ending === 'half-close') stream.halfClose();
  else if (run.ending === 'cancel') stream.cancel();
  else stream.break();
  if (slow) await settle();
  judge();
  tally(proxy, wire, director);
  // What was sent is the wire's to release.
  expect(capacity.heldBodyBytes).toBe(wire.bodyBytesSent);
  checkEnd(run, { director, wire, stream, proxy });
}

interface Played {
  readonly director: ScriptedDirector;
  readonly wire: RecordingWire;
  readonly stream: ExtProcStream;
  readonly proxy: ProxyModel;
}

function checkEnd({ script, ending }: Run, { director, wire, stream, proxy }: Played): void {
  expect(stream.phase).toBe('closed');
  if (ending === 'half-close') expect(wire.closed).toBeDefined();
  const opened = director.calls.length > 0 && script !== 'unopened';
  expect(director.ends).toHaveLength(opened ? 1 : 0);
  expect(director.calls.filter((call) => call.startsWith('decide')).length).toBeLessThanOrEqual(1);
  expect(director.reservations).toBe(0);
  // A violation may come after the end, and is then one message more than was owed an answer.
  if (director.ends[0] !== 'complete' || proxy.refused || wire.closed) return;
  expect(proxy.response.settled && proxy.response.whole && proxy.request.settled).toBe(true);
}

it(`keeps the protocol in ${RUNS} random sequences`, { timeout: 120_000 }, async () => {
  await fc.assert(fc.asyncProperty(runs, play), { numRuns: RUNS });
  for (const [way, count] of Object.entries(seen)) expect(count, way).toBeGreaterThan(RUNS / 200);
});
