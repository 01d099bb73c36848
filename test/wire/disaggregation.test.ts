import { afterEach, describe, expect, it } from 'vitest';
import type { Exchange, Outcome } from '../../src/request/exchange.ts';
import { SAMPLES } from '../kit/samples.ts';
import { expectRefusal, expectRoute, start, stopAll } from './contract-kit.ts';
import { completion, type ContractPicker, type Pod, podHostPort } from './contract-rig.ts';
import { message } from './support.ts';

const { requestHeaders, requestBody } = message;
const PREFILLER = 'x-prefiller-host-port';
const ENCODERS = 'x-encoder-hosts-ports';
const RANK = 'x-data-parallel-host-port';

afterEach(stopAll);

const pod = (role: string): Pod => [0, 0, { labels: { 'llm-d.ai/role': role } }];
const PD = [pod('prefill'), pod('prefill'), pod('decode'), pod('decode')];
const [PREFILL, DECODE] = [[0, 1].map(podHostPort), [2, 3].map(podHostPort)];

/** A completions request with `text` as its prompt. */
function prompt(text: string, headers: Record<string, string> = {}) {
  const body = JSON.stringify({ model: 'm', prompt: text });
  return [requestHeaders(false, { ':path': '/v1/completions', ...headers }), requestBody(body, true)] as const;
}

const LONG = 'one long prompt '.repeat(40);

describe.each([
  ['S2', 'disagg_decision_total', 'disagg-profile-handler'],
  ['S2b', 'pd_decision_total', 'pd-profile-handler'],
] as const)('prefill and decode (%s)', (sample, family, type) => {
  const decisions = (picker: ContractPicker, decision: string) =>
    picker.metric(`_${family}{`, `plugin_type="${type}"`, 'model_name="m"', `decision_type="${decision}"`);

  it('sends a long prompt to a decode pod that is told a prefill pod, and once it is cached to no other', async () => {
    const picker = await start(PD, SAMPLES[sample]);
    const first = await picker.tell(...prompt(LONG));
    expect(DECODE).toContain(first.destinations);
    expect(PREFILL).toContain(first.set[PREFILLER]);
    const again = await picker.tell(...prompt(LONG));
    expect([again.destinations, again.set[PREFILLER]]).toEqual([first.destinations, undefined]);
    expect(await decisions(picker, 'prefill-decode')).toMatch(/ 1$/);
    expect(await decisions(picker, 'decode-only')).toMatch(/ 1$/);
  });

  it('keeps a short prompt on a decode pod', async () => {
    const picker = await start(PD, SAMPLES[sample]);
    const told = await picker.tell(...prompt('hi'));
    expect(DECODE).toContain(told.destinations);
    expect(Object.keys(told.set)).not.toContain(PREFILLER);
  });

  it('believes no header of the client, with a stage or without', async () => {
    const picker = await start(PD, SAMPLES[sample]);
    const forged = { [PREFILLER]: '9.9.9.9:1', [ENCODERS]: '9.9.9.9:1', [RANK]: '9.9.9.9:1' };
    const long = await picker.tell(...prompt(LONG, forged));
    expect(PREFILL).toContain(long.set[PREFILLER]);
    expect([...long.removed].sort()).toEqual([RANK, ENCODERS]);
    const short = await picker.tell(...prompt('hi', forged));
    expect([short.set[PREFILLER], [...short.removed].sort()]).toEqual([undefined, [RANK, ENCODERS, PREFILLER]]);
  });

  it('goes on without prefill pods, and refuses with 429 without decode pods', async () => {
    const alone = await start([pod('decode')], SAMPLES[sample]);
    expectRoute(await alone.tell(...prompt(LONG)), 0);
    expect(await decisions(alone, 'decode-only')).toMatch(/ 1$/);
    expect(await alone.metric('_disagg_stage_failures_total{', `"${type}"`, 'stage="prefill"')).toMatch(/ 1$/);
    const nobody = await start([pod('prefill')], SAMPLES[sample]);
    const text = 'inference error: ResourceExhausted - no endpoints available for the given request';
    expectRefusal(await nobody.tell(...prompt(LONG)), 429, text, 'rejected-saturated');
  });

  it('spreads a burst over the prefill pods as well as over the decode pods, and forgets it with the answers', async () => {
    const picker = await start(PD, SAMPLES[sample]);
    const open = Array.from({ length: 8 }, (_, i) => decide(picker, `number ${i}: ${LONG}`));
    const booked = () => [0, 1, 2, 3].map((i) => inflight(picker, podHostPort(i)));
    expect(booked()).toEqual([4, 4, 4, 4]);
    for (const { exchange } of open) exchange.responseBody(Buffer.from('data: {}\n\n'), false);
    expect(booked()).toEqual([0, 0, 4, 4]);
    for (const { exchange } of open) exchange.end('complete');
    expect(booked()).toEqual([0, 0, 0, 0]);
  });

  it('names decode pods to fall back to, and one prefill pod', async () => {
    const picker = await start(PD, SAMPLES[sample], [], { fallbackEndpoints: 2 });
    const told = await picker.tell(...prompt(LONG));
    expect(told.destinations?.split(',').toSorted()).toEqual(DECODE);
    expect(PREFILL).toContain(told.set[PREFILLER]);
  });
});

describe('encode, prefill and decode (S3)', () => {
  const EPD = [pod('encode'), pod('encode'), pod('encode'), pod('prefill'), pod('decode')];
  const ENCODE = [0, 1, 2].map(podHostPort);
  const picture = [
    { type: 'text', text: 'what is this?' },
    { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
  ];
  const chat = (content: unknown, headers: Record<string, string> = {}) => {
    const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content }] });
    return [requestHeaders(false, { ':path': '/v1/chat/completions', ...headers }), requestBody(body, true)] as const;
  };
  const SEEN = { 'x-test-media': '1' };

  it('names encode pods for a picture, and none for text', async () => {
    const picker = await start(EPD, SAMPLES.S3, [], { fallbackEndpoints: 2 });
    const seen = await picker.tell(...chat(picture, SEEN));
    expect([seen.destinations, seen.set[PREFILLER]]).toEqual([podHostPort(4), podHostPort(3)]);
    // One, however many the proxy may fall back to: the sidecar would use them all.
    expect(ENCODE).toContain(seen.set[ENCODERS]);
    const text = await picker.tell(...chat(LONG, { [ENCODERS]: '9.9.9.9:1' }));
    expect([text.set[ENCODERS], text.set[PREFILLER], text.removed]).toEqual([undefined, podHostPort(3), [ENCODERS]]);
    expect(await picker.metric('_disagg_decision_total{', '"encode-prefill-decode"')).toMatch(/ 1$/);
    expect(await picker.metric('_disagg_decision_total{', '"prefill-decode"')).toMatch(/ 1$/);
  });

  it('names as many encode pods as their picker is to pick', async () => {
    const two = SAMPLES.S3.replace(
      'plugins:\n',
      'plugins:\n- {type: random-picker, parameters: {maxNumOfEndpoints: 2}}\n',
    );
    const config = two.replace(
      '[{pluginRef: encode-filter}]',
      '[{pluginRef: encode-filter}, {pluginRef: random-picker}]',
    );
    const picker = await start(EPD, config);
    const encoders = (await picker.tell(...chat(picture, SEEN))).set[ENCODERS]?.split(',') ?? [];
    expect(encoders).toHaveLength(2);
    expect(encoders.filter((each) => !ENCODE.includes(each))).toEqual([]);
  });
});

describe('data parallel (S11)', () => {
  /** Ranks 0 and 1 of two pods, the second rank of the second one idle. */
  const rank = (waiting: number, address: string, port: number): Pod => [waiting, 0, { address, port }];
  const RANKS = [
    rank(5, '10.0.0.1', 8000),
    rank(4, '10.0.0.1', 8001),
    rank(3, '10.0.0.2', 8000),
    rank(0, '10.0.0.2', 8001),
  ];
  const BY_QUEUE = SAMPLES.S11.replaceAll('prefix-cache-scorer', 'queue-scorer');

  it('sends to the primary port and names the rank, without anybody to fall back to', async () => {
    const picker = await start(RANKS, BY_QUEUE, [], { fallbackEndpoints: 2 });
    const told = await picker.tell(...prompt('hi', { [RANK]: '9.9.9.9:1' }));
    expect([told.destinations, told.metadata, told.set[RANK]]).toEqual([
      '10.0.0.2:8000',
      '10.0.0.2:8000',
      '10.0.0.2:8001',
    ]);
    expect(told.removed).toEqual([]);
  });

  it('loads as shipped', async () => {
    const picker = await start(RANKS, SAMPLES.S11);
    const told = await picker.tell(...prompt('hi'));
    expect(told.destinations).toMatch(/^10\.0\.0\.[12]:8000$/);
    expect(told.set[RANK]).toMatch(/^10\.0\.0\.[12]:800[01]$/);
  });

  it('keeps the load on the rank when the proxy says that the primary port served', async () => {
    const picker = await start(RANKS, BY_QUEUE);
    const { exchange } = decide(picker, 'hi');
    const served = { subset: () => undefined, served: () => '10.0.0.2:8000' };
    exchange.responseHeaders({ get: (name) => (name === ':status' ? '200' : undefined) }, served);
    expect(['10.0.0.2:8000', '10.0.0.2:8001'].map((each) => inflight(picker, each))).toEqual([0, 1]);
    exchange.end('complete');
    expect(picker.core.table.books.total).toBe(0);
  });
});

describe('stages by header', () => {
  const CONFIG = `plugins:
- {type: header-profile-handler}
- {type: prefill-filter}
- {type: decode-filter}
- {type: queue-scorer}
- {type: prefix-cache-scorer}
schedulingProfiles:
- {name: prefill, plugins: [{pluginRef: prefill-filter}, {pluginRef: queue-scorer}]}
- {name: decode, plugins: [{pluginRef: decode-filter}, {pluginRef: prefix-cache-scorer}]}
`;

  it('go where the coordinator says: decode if cached, prefill, decode', async () => {
    const picker = await start([pod('prefill'), pod('decode')], CONFIG);
    const step = (stage: string, more = {}) => picker.tell(...prompt(LONG, { 'epp-profile': stage, ...more }));
    const missing = 'inference error: PreconditionFailed - no decode worker has the requested KV cache';
    expectRefusal(await step('decode', { prefer: 'if-available' }), 412, missing);
    expectRoute(await step('prefill'), 0);
    expectRoute(await step('decode'), 1);
    expectRoute(await step('decode', { prefer: 'if-available' }), 1);
  });

  it('are decode without a header, and 429 under a name nobody has', async () => {
    const picker = await start([pod('prefill'), pod('decode')], CONFIG);
    expectRoute(await picker.tell(...prompt('hi')), 1);
    const told = await picker.tell(...completion('m', { 'epp-profile': 'encode' }).messages);
    const text =
      "inference error: ResourceExhausted - failed to find target endpoint: no scheduling profile is named 'encode'";
    expectRefusal(told, 429, text);
  });
});

/** A request that was decided and is not answered yet. */
function decide(picker: ContractPicker, text: string): { readonly exchange: Exchange; readonly outcome: Outcome } {
  const headers: Record<string, string> = { ':path': '/v1/completions' };
  const exchange = picker.core.director.open({ get: (name) => headers[name] });
  const body = Buffer.from(JSON.stringify({ model: 'm', prompt: text }));
  const outcome = exchange.decide([body], { subset: () => undefined, served: () => undefined });
  if (outcome instanceof Promise || outcome.kind !== 'picked') throw new Error('not picked at once');
  return { exchange, outcome };
}

function inflight({ core }: ContractPicker, hostPort: string): number {
  return core.table.books.inflight(core.table.byHostPort(hostPort)?.slot ?? -1);
}
