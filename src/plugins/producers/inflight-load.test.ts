import { describe, expect, it } from 'vitest';
import * as v from 'valibot';
import { NO_EDITS } from '../../../test/kit/edits.ts';
import { create, inferenceRequest, pluginContext, silentMeter } from '../../../test/kit/plugins.ts';
import { endpointAt, endpointSpec, idlePool } from '../../../test/kit/pool.ts';
import { dataKey, INFLIGHT_LOAD, PREFIX_MATCH, TOKENIZED_PROMPT, UNCACHED_TOKENS } from '../../core/data.ts';
import { NO_HEADERS } from '../../core/headers.ts';
import type { Follower } from '../../core/hooks.ts';
import type { InflightShare } from '../../core/plugin.ts';
import type { InferenceRequest } from '../../core/request.ts';
import type { Schedule } from '../../core/schedule.ts';
import { DataBoard } from '../../scheduling/data-board.ts';
import { inflightLoadProducer } from './inflight-load.ts';

const NAME = 'load';

interface Asked {
  readonly tokens?: number;
  /** Total blocks, then matched blocks by slot; blocks are of 64 tokens. */
  readonly match?: readonly [total: number, ...bySlot: number[]];
  readonly maxOutputTokens?: number;
  readonly changes?: Partial<InferenceRequest>;
}

function scheduleOf(picks: Record<string, readonly number[]>, primary = Object.keys(picks)[0]): Schedule {
  return { primary, picks: new Map(Object.entries(picks).map(([name, slots]) => [name, Uint32Array.from(slots)])) };
}

function setup(parameters: object = {}) {
  const endpoints = idlePool(4);
  const board = new DataBoard();
  let shares = (): Iterable<InflightShare> => [];
  const meter = silentMeter({
    inflight(read) {
      shares = read;
      return () => {
        shares = () => [];
      };
    },
  });
  const producer = create(inflightLoadProducer, parameters, pluginContext({ name: NAME, endpoints, meter }, board));
  const load = board.shared(dataKey(INFLIGHT_LOAD, NAME));
  endpoints.listen({ added() {}, removed: ({ slot }) => producer.onEndpointRemoved?.(slot) });
  const produced = ({ tokens, match, maxOutputTokens, changes }: Asked): InferenceRequest => {
    const plain = inferenceRequest(changes);
    const request = { ...plain, body: plain.body && { ...plain.body, maxOutputTokens } };
    const write = board.writer(dataKey(TOKENIZED_PROMPT));
    if (tokens !== undefined) write(request, { prompts: [], tokens, media: [] });
    if (match !== undefined) {
      const [totalBlocks, ...bySlot] = match;
      const found = { blocksBySlot: Uint32Array.from(bySlot), totalBlocks, blockTokens: 64 };
      const { prefixMatchInfoProducerName: by } = parameters as { prefixMatchInfoProducerName?: string };
      board.writer(dataKey(PREFIX_MATCH, by))(request, found);
    }
    void producer.produce(request, endpoints.all);
    return request;
  };
  return {
    endpoints,
    producer,
    produced,
    uncached: board.reader(dataKey(UNCACHED_TOKENS, NAME)),
    shares: () => Array.from(shares(), ({ endpoint, ...share }) => ({ ...share, name: endpoint.name })),
    /** Requests and tokens of each endpoint. */
    load: (): number[][] => [...endpoints.all].map((slot) => [load.requestsBySlot[slot], load.tokensBySlot[slot]]),
    send(asked: Asked, picks: Record<string, readonly number[]> = { default: [0, 1] }): Follower {
      return producer.onPicked?.(produced(asked), scheduleOf(picks), NO_EDITS) as Follower;
    },
    answeredBy(slot: number) {
      const endpoint = endpointAt(endpoints, slot);
      return [{ headers: NO_HEADERS, served: endpoint.hostPort, endpoint }, NO_EDITS] as const;
    },
  };
}

const NOTHING = [0, 0];

describe('tokens of a request at an endpoint', () => {
  // Contract 3.5: max(0, (total - match) x block) + max(0, n - total x block) [+ min(round(ratio x n), limits)]; block 64.
  it.each<[what: string, parameters: object, asked: Asked, at: number[]]>([
    ['those of the prompt where no match is known', {}, { tokens: 100 }, [100, 100, 100]],
    ['those not cached', {}, { tokens: 128, match: [2, 0, 1, 2] }, [128, 64, 0]],
    ['whole blocks, also where the last is cut short', {}, { tokens: 100, match: [2, 0, 1, 2] }, [128, 64, 0]],
    ['those beyond what was looked at too', {}, { tokens: 1000, match: [4, 0, 4] }, [1000, 744, 1000]],
    ['never less than none', {}, { tokens: 64, match: [1, 3] }, [0, 64, 64]],
    ['all where the endpoint is not in the match', {}, { tokens: 64, match: [1] }, [64, 64, 64]],
    ['none of an empty match', {}, { tokens: 0, match: [0, 0] }, [0, 0, 0]],
    ['with output half as many again', { addEstimatedOutputTokens: true }, { tokens: 101 }, [253, 253, 253]],
    ['with another ratio', { addEstimatedOutputTokens: true, outputRatio: 0.25 }, { tokens: 10 }, [13, 13, 13]],
    ['with a ratio of 0', { addEstimatedOutputTokens: true, outputRatio: 0 }, { tokens: 10 }, [10, 10, 10]],
    [
      "with the client's limit",
      { addEstimatedOutputTokens: true, maxEstimatedOutputTokens: 90 },
      { tokens: 100, maxOutputTokens: 80 },
      [180, 180, 180],
    ],
    [
      'with the configured limit',
      { addEstimatedOutputTokens: true, maxEstimatedOutputTokens: 70 },
      { tokens: 100, maxOutputTokens: 80 },
      [170, 170, 170],
    ],
    [
      'with output of the whole prompt, not of what is uncached',
      { addEstimatedOutputTokens: true },
      { tokens: 128, match: [2, 2] },
      [192, 320, 320],
    ],
    ['with a limit of 0', { addEstimatedOutputTokens: true }, { tokens: 100, maxOutputTokens: 0 }, [100, 100, 100]],
    ['without output unless asked for', { outputRatio: 9 }, { tokens: 100, maxOutputTokens: 80 }, [100, 100, 100]],
    [
      'by the match of the producer named',
      { prefixMatchInfoProducerName: 'cpu' },
      { tokens: 128, match: [2, 1] },
      [64, 128, 128],
    ],
  ])('are %s', (_what, parameters, asked, at) => {
    const { produced, uncached } = setup(parameters);
    const cost = uncached(produced(asked));
    expect([0, 1, 2].map((slot) => cost?.at(slot))).toEqual(at);
  });

  it('are not told of a request without tokens', () => {
    const { produced, uncached } = setup();
    expect(uncached(produced({}))).toBeUndefined();
  });
});

describe('load in flight', () => {
  it('is at the first endpoint of every profile from the pick on', () => {
    const { send, load } = setup();
    send({ tokens: 128, match: [2, 0, 1, 2] }, { decode: [1, 0], prefill: [2, 0], encode: [0], none: [] });
    expect(load()).toEqual([[1, 128], [1, 64], [1, 0], NOTHING]);
    send({ tokens: 10 }, { decode: [1] });
    expect(load()[1]).toEqual([2, 74]);
  });

  it('counts requests nobody knows the tokens of', () => {
    const { send, load } = setup();
    const follower = send({ changes: { body: undefined } });
    expect(load()[0]).toEqual([1, 0]);
    follower.onEnd?.('complete');
    expect(load()[0]).toEqual(NOTHING);
  });

  it('loses its tokens with the first piece and the request at the end', () => {
    const { send, load } = setup();
    const [first, second] = [send({ tokens: 100 }), send({ tokens: 5 })];
    expect(load()[0]).toEqual([2, 105]);
    first.onFirstPiece?.();
    expect(load()[0]).toEqual([2, 5]);
    first.onEnd?.('complete');
    expect(load()[0]).toEqual([1, 5]);
    second.onEnd?.('client-disconnect');
    expect(load()[0]).toEqual(NOTHING);
  });

  it('keeps its tokens to the end where they include output', () => {
    const { send, load } = setup({ addEstimatedOutputTokens: true });
    const follower = send({ tokens: 100 });
    follower.onFirstPiece?.();
    expect(load()[0]).toEqual([1, 250]);
    follower.onEnd?.('error');
    expect(load()[0]).toEqual(NOTHING);
  });

  it.each([
    [{}, [1, 0]],
    [{ addEstimatedOutputTokens: true }, [1, 25]],
  ])('ends at prefill with the first piece, with %j', (parameters, atDecode) => {
    const { send, load } = setup(parameters);
    const follower = send({ tokens: 10 }, { decode: [1], prefill: [2] });
    follower.onFirstPiece?.();
    expect(load()).toEqual([NOTHING, atDecode, NOTHING, NOTHING]);
    follower.onEnd?.('complete');
    expect(load()[1]).toEqual(NOTHING);
  });

  it.each(['complete', 'client-disconnect', 'error'] as const)('ends once, however often it is told: %s', (how) => {
    const { send, load } = setup();
    const others = send({ tokens: 7 }, { decode: [0], prefill: [0] });
    const follower = send({ tokens: 100 }, { decode: [0], prefill: [0] });
    expect(load()[0]).toEqual([4, 214]);
    for (let i = 0; i < 2; i++) follower.onFirstPiece?.();
    expect(load()[0]).toEqual([3, 14]);
    for (let i = 0; i < 2; i++) follower.onEnd?.(how);
    follower.onFirstPiece?.();
    expect(load()[0]).toEqual([2, 14]);
    others.onEnd?.(how);
    expect(load()[0]).toEqual(NOTHING);
  });

  it('follows the request to the endpoint that served', () => {
    const { send, load, answeredBy } = setup();
    const follower = send({ tokens: 100 }, { decode: [0, 3], prefill: [1] });
    follower.onResponse?.(...answeredBy(3));
    expect(load()).toEqual([NOTHING, [1, 100], NOTHING, [1, 100]]);
    follower.onResponse?.(...answeredBy(3));
    follower.onFirstPiece?.();
    expect(load()).toEqual([NOTHING, NOTHING, NOTHING, [1, 0]]);
    follower.onEnd?.('complete');
    expect(load()[3]).toEqual(NOTHING);
  });

  it('leaves with its endpoint, and takes nothing from the next one in the slot', () => {
    const { endpoints, send, load, answeredBy } = setup();
    const gone = send({ tokens: 100 });
    const moved = send({ tokens: 30 }, { default: [1] });
    // Others must leave before the slot is used again.
    let turn = 0;
    do endpoints.replace([endpointSpec(1), endpointSpec(100 + turn++)]);
    while (endpoints.at(0) === undefined);
    expect(load()[0]).toEqual(NOTHING);
    const next = send({ tokens: 5 });
    gone.onFirstPiece?.();
    gone.onResponse?.(...answeredBy(1));
    gone.onEnd?.('complete');
    expect(load()[0]).toEqual([1, 5]);
    moved.onResponse?.(...answeredBy(0));
    expect(load()[0]).toEqual([2, 35]);
    next.onEnd?.('complete');
    moved.onEnd?.('complete');
    expect(
      load()
        .flat()
        .every((value) => value === 0),
    ).toBe(true);
  });

  it('ignores picks that are gone', () => {
    const { endpoints, send, load } = setup();
    endpoints.replace([endpointSpec(0)]);
    const follower = send({ tokens: 5 }, { default: [3] });
    follower.onResponse?.({ headers: NO_HEADERS, served: undefined, endpoint: endpointAt(endpoints, 0) }, NO_EDITS);
    follower.onFirstPiece?.();
    follower.onEnd?.('complete');
    expect(load()).toEqual([NOTHING]);
  });

  it('is shared in arrays with room for every slot', () => {
    const board = new DataBoard();
    create(inflightLoadProducer, {}, pluginContext({ name: NAME }, board));
    const { requestsBySlot, tokensBySlot } = board.shared(dataKey(INFLIGHT_LOAD, NAME));
    expect([requestsBySlot.length, tokensBySlot.length]).toEqual([16_384, 16_384]);
  });
});

describe('load in flight as a metric', () => {
  it('is told by endpoint, flow and priority until it ends', () => {
    const { send, shares, answeredBy, producer } = setup();
    const first = send({ tokens: 10, changes: { fairnessId: 'a', priority: 2 } }, { decode: [0], prefill: [1] });
    const second = send({ tokens: 3, changes: { fairnessId: 'b', priority: -1 } });
    expect(shares()).toEqual([
      { name: 'vllm-0', tokens: 10, fairnessId: 'a', priority: 2 },
      { name: 'vllm-1', tokens: 10, fairnessId: 'a', priority: 2 },
      { name: 'vllm-0', tokens: 3, fairnessId: 'b', priority: -1 },
    ]);
    first.onResponse?.(...answeredBy(2));
    first.onFirstPiece?.();
    second.onEnd?.('complete');
    expect(shares()).toEqual([{ name: 'vllm-2', tokens: 0, fairnessId: 'a', priority: 2 }]);
    first.onEnd?.('complete');
    expect(shares()).toEqual([]);
    send({ tokens: 1 });
    producer.close?.();
    expect(shares()).toEqual([]);
  });

  it('leaves out endpoints that have gone', () => {
    const { endpoints, send, shares } = setup();
    send({ tokens: 10 }, { decode: [0], prefill: [1] });
    endpoints.replace([endpointSpec(1)]);
    expect(shares().map(({ name }) => name)).toEqual(['vllm-1']);
  });
});

describe('inflight-load-producer parameters', () => {
  const issuesOf = (parameters: unknown): string[] =>
    v
      .safeParse(inflightLoadProducer.config, parameters)
      .issues?.map((issue) => `${v.getDotPath(issue) ?? ''}: ${issue.message}`) ?? [];

  it.each([
    [{ outputRatio: -0.1 }, 'outputRatio: must not be negative'],
    [{ outputRatio: Number.POSITIVE_INFINITY }, /^outputRatio: Invalid finite/],
    [{ maxEstimatedOutputTokens: -1 }, 'maxEstimatedOutputTokens: must not be negative'],
    [{ maxEstimatedOutputTokens: 1.5 }, /^maxEstimatedOutputTokens: Invalid integer/],
    [{ addEstimatedOutputTokens: 1 }, /^addEstimatedOutputTokens: Invalid type/],
    [{ syncCrossReplica: true }, /^syncCrossReplica: Invalid key/],
  ])('refuse %j', (parameters, message) => {
    expect(issuesOf(parameters)).toEqual([message instanceof RegExp ? expect.stringMatching(message) : message]);
  });

  it.each([
    {},
    { outputRatio: 0, maxEstimatedOutputTokens: 0, addEstimatedOutputTokens: true },
    { prefixMatchInfoProducerName: 'cpu', syncCrossReplicaState: false },
  ])('take %j', (parameters) => {
    expect(issuesOf(parameters)).toEqual([]);
  });
});
