import { describe, expect, it } from 'vitest';
import * as v from 'valibot';
import { manualClock } from '../../../test/kit/clock.ts';
import { NO_EDITS } from '../../../test/kit/edits.ts';
import { create, inferenceRequest, pluginContext, silentMeter } from '../../../test/kit/plugins.ts';
import { endpointAt, endpointSpec, idlePool, scraped } from '../../../test/kit/pool.ts';
import { dataKey, PREFIX_MATCH, type PrefixMatch } from '../../core/data.ts';
import type { Endpoint } from '../../core/endpoint.ts';
import { NO_HEADERS } from '../../core/headers.ts';
import type { Follower, ResponseHead } from '../../core/hooks.ts';
import type { PluginContext } from '../../core/plugin.ts';
import type { Schedule } from '../../core/schedule.ts';
import type { InferenceBody, InferenceRequest } from '../../core/request.ts';
import { DataBoard } from '../../scheduling/data-board.ts';
import { approxPrefixCacheProducer } from './approx-prefix-cache.ts';
import { tokenProducer } from './token-producer.ts';

/** 64 tokens of 4 bytes: one block of the smallest size. */
const BLOCK = 256;

function text(name: string, blocks: number): string {
  return name.repeat(BLOCK * blocks).slice(0, BLOCK * blocks);
}

function scheduleOf(primary: number, prefill?: number): Schedule {
  const picks = new Map([['default', Uint32Array.of(primary, 3)]]);
  if (prefill !== undefined) picks.set('prefill', Uint32Array.of(prefill, 3));
  return { primary: 'default', picks };
}

function withBody(request: InferenceRequest, changes: Partial<InferenceBody>): InferenceRequest {
  if (request.body === undefined) throw new Error('the request has no body');
  return { ...request, body: { ...request.body, ...changes } };
}

function setup(parameters: object = {}, size = 4, changes: Partial<PluginContext> = {}) {
  const endpoints = idlePool(size);
  const clock = manualClock();
  const board = new DataBoard();
  const hits: { ratio: number; bytes: number }[] = [];
  let blocksHeld = (): number => Number.NaN;
  const meter = silentMeter({
    prefixIndexSize(blocks) {
      blocksHeld = blocks;
      return () => {
        blocksHeld = () => Number.NaN;
      };
    },
    prefixHit: (ratio, bytes) => void hits.push({ ratio, bytes }),
  });
  const context = pluginContext({ endpoints, clock, meter, ...changes }, board);
  const tokens = create(tokenProducer, {}, context);
  const producer = create(approxPrefixCacheProducer, parameters, context);
  const matchOf = board.reader(dataKey(PREFIX_MATCH, context.name));
  const produce = (request: InferenceRequest): PrefixMatch | undefined => {
    void tokens.produce(request, endpoints.all);
    void producer.produce(request, endpoints.all);
    return matchOf(request);
  };
  return {
    endpoints,
    clock,
    /** What the metric of the index's size reads. */
    size: () => blocksHeld(),
    close: () => producer.close?.(),
    hits,
    produce,
    pick: (request: InferenceRequest, schedule: Schedule): Follower | undefined =>
      producer.onPicked?.(request, schedule, NO_EDITS) ?? undefined,
    remove: (slot: number) => producer.onEndpointRemoved?.(slot),
    /** Credits a prompt to a slot. */
    send(prompt: string, slot: number, request = inferenceRequest({}, [prompt])): void {
      produce(request);
      producer.onPicked?.(request, scheduleOf(slot), NO_EDITS);
    },
    /** Blocks matched per slot for a prompt that is then not picked. */
    look(prompt: string, request = inferenceRequest({}, [prompt])): number[] {
      const match = produce(request);
      return [...endpoints.all].map((slot) => match?.blocksBySlot[slot] ?? -1);
    },
  };
}

describe('approx-prefix-cache-producer', () => {
  it('tells who has how much of a prompt', () => {
    const cache = setup();
    cache.send(text('a', 3), 1);
    cache.send(text('a', 2) + text('b', 2), 2);
    expect(cache.look(text('a', 4))).toEqual([0, 3, 2, 0]);
    expect(cache.look(text('b', 4))).toEqual([0, 0, 0, 0]);
    const match = cache.produce(inferenceRequest({}, [`${text('a', 3)}!`]));
    expect([match?.totalBlocks, match?.blockTokens]).toEqual([4, 64]);
  });

  it.each([
    ['no body', inferenceRequest({ body: undefined })],
    ['an opaque body', withBody(inferenceRequest(), { api: 'opaque' })],
    ['no prompt', inferenceRequest({}, [])],
    ['empty prompts', inferenceRequest({}, ['', ''])],
  ])('says nothing about a request with %s', (_, request) => {
    const cache = setup();
    expect(cache.produce(request)).toBeUndefined();
    cache.pick(request, scheduleOf(0));
    expect([cache.hits, cache.size()]).toEqual([[], 0]);
  });

  it('never shares between models or salts', () => {
    const cache = setup();
    const prompt = text('a', 2);
    const base = inferenceRequest({}, [prompt]);
    cache.send(prompt, 0, base);
    cache.send(prompt, 1, inferenceRequest({ targetModel: 'lora' }, [prompt]));
    cache.send(prompt, 2, withBody(inferenceRequest({}, [prompt]), { cacheSalt: 'tenant' }));
    expect(cache.look(prompt)).toEqual([2, 0, 0, 0]);
    expect(cache.look('', inferenceRequest({ targetModel: 'lora' }, [prompt]))).toEqual([0, 2, 0, 0]);
    const salted = withBody(inferenceRequest({}, [prompt]), { cacheSalt: 'tenant' });
    expect(cache.look('', salted)).toEqual([0, 0, 2, 0]);
  });

  it('treats the prompts of one request as chains of their own', () => {
    const cache = setup();
    const both = inferenceRequest({}, [text('a', 2), text('b', 1)]);
    cache.send('', 0, both);
    cache.send(text('b', 1), 1);
    expect(cache.look('', inferenceRequest({}, [text('b', 1), text('a', 3)]))).toEqual([3, 1, 0, 0]);
  });

  it('credits the first pick of the primary profile and of prefill, nobody else', () => {
    const cache = setup();
    const request = inferenceRequest({}, [text('a', 2)]);
    cache.produce(request);
    cache.pick(request, scheduleOf(1, 2));
    expect(cache.look(text('a', 2))).toEqual([0, 2, 2, 0]);
    expect(cache.size()).toBe(4);
  });

  it('copes with one endpoint in both roles and with a schedule without picks', () => {
    const cache = setup();
    const request = inferenceRequest({}, [text('a', 2)]);
    cache.produce(request);
    cache.pick(request, scheduleOf(1, 1));
    expect(cache.size()).toBe(2);
    const other = inferenceRequest({}, [text('b', 2)]);
    cache.produce(other);
    cache.pick(other, { primary: 'default', picks: new Map() });
    expect(cache.size()).toBe(2);
  });

  it('reports the hit of the endpoint picked', () => {
    const cache = setup();
    cache.send(text('a', 3), 1);
    cache.send(text('a', 4), 1);
    cache.send(text('a', 4), 2);
    expect(cache.hits).toEqual([
      { ratio: 0, bytes: 0 },
      { ratio: 0.75, bytes: 3 * BLOCK },
      { ratio: 0, bytes: 0 },
    ]);
  });

  it('forgets an endpoint that leaves', () => {
    const cache = setup();
    cache.send(text('a', 3), 1);
    cache.send(text('a', 3), 2);
    cache.remove(1);
    expect(cache.look(text('a', 3))).toEqual([0, 0, 3, 0]);
    expect(cache.size()).toBe(3);
  });

  it('reports its size until it is closed', () => {
    const cache = setup();
    expect(cache.size()).toBe(0);
    cache.close();
    expect(cache.size()).toBeNaN();
  });

  it('keeps requests in flight apart, in whatever order they are picked', () => {
    const cache = setup();
    const requests = ['a', 'b', 'c'].map((name) => inferenceRequest({ id: 'same' }, [text(name, 2)]));
    const matches = requests.map((request) => cache.produce(request));
    expect(new Set(matches.map((match) => match?.blocksBySlot)).size).toBe(3);
    for (const i of [2, 0, 1]) cache.pick(requests[i], scheduleOf(i));
    expect(cache.look(text('a', 2))).toEqual([2, 0, 0, 0]);
    expect(cache.look(text('b', 2))).toEqual([0, 2, 0, 0]);
    expect(cache.look(text('c', 2))).toEqual([0, 0, 2, 0]);
  });

  it('leaves a match readable for whoever is told of the pick later', () => {
    const cache = setup();
    cache.send(text('a', 2), 1);
    const request = inferenceRequest({}, [text('a', 2)]);
    const match = cache.produce(request);
    cache.pick(request, scheduleOf(0));
    expect([match?.blocksBySlot[1], match?.totalBlocks]).toEqual([2, 2]);
  });

  it('credits a request once, even if told twice and its look-up has moved on', () => {
    const cache = setup();
    const first = inferenceRequest({}, [text('a', 2)]);
    cache.produce(first);
    cache.pick(first, scheduleOf(0));
    cache.pick(first, scheduleOf(1));
    const second = inferenceRequest({}, [text('b', 2)]);
    cache.produce(second);
    cache.pick(first, scheduleOf(1));
    expect(cache.look(text('a', 2))).toEqual([2, 0, 0, 0]);
    expect(cache.look(text('b', 2))).toEqual([0, 0, 0, 0]);
  });

  it('starts over when a request is looked up again', () => {
    const cache = setup();
    const request = inferenceRequest({}, [text('a', 2)]);
    const before = cache.produce(request);
    cache.send(text('a', 1), 3);
    const after = cache.produce(request);
    expect(after).toBe(before);
    expect([...(after?.blocksBySlot.subarray(0, 4) ?? [])]).toEqual([0, 0, 0, 1]);
  });

  it('has a count for every endpoint of a big pool', () => {
    const cache = setup({}, 300);
    cache.send(text('a', 1), 299);
    const match = cache.produce(inferenceRequest({}, [text('a', 1)]));
    expect(match?.blocksBySlot.length).toBeGreaterThanOrEqual(300);
    expect(match?.blocksBySlot[299]).toBe(1);
  });
});

describe('approx-prefix-cache-producer limits', () => {
  it.each([
    [{ maxPrefixTokensToMatch: 256 }, 4],
    [{ maxPrefixTokensToMatch: 255 }, 3],
    [{ maxPrefixTokensToMatch: 1 }, 1],
    [{ maxPrefixTokensToMatch: 0, maxPrefixBlocksToMatch: 5 }, 5],
    [{ maxPrefixTokensToMatch: 0, maxPrefixBlocksToMatch: 0 }, 3000],
    [{ maxPrefixTokensToMatch: 0 }, 2048],
    [{}, 2048],
  ])('looks with %j at %d of 3,000 blocks', (parameters, blocks) => {
    const cache = setup(parameters);
    expect(cache.produce(inferenceRequest({}, [text('a', 3000)]))?.totalBlocks).toBe(blocks);
    expect(cache.produce(inferenceRequest({}, [text('a', 1000), text('b', 2000)]))?.totalBlocks).toBe(blocks);
  });

  it('believes the servers about their cache, counted in our blocks', () => {
    const cache = setup();
    // 40 blocks of 16 tokens are 10 of 64.
    scraped(cache.endpoints, 0, { blockTokens: 16, blockCount: 40 });
    scraped(cache.endpoints, 1, { blockTokens: Number.NaN, blockCount: 16 });
    scraped(cache.endpoints, 2, { blockTokens: 16, blockCount: 1 });
    scraped(cache.endpoints, 3, { blockTokens: 16, blockCount: Number.NaN });
    for (const slot of cache.endpoints.all) cache.send(text('a', 20), slot);
    expect(cache.look(text('a', 20))).toEqual([10, 4, 1, 20]);
    scraped(cache.endpoints, 0, { blockTokens: 16, blockCount: 28 });
    cache.send(text('b', 1), 0);
    expect(cache.look(text('a', 20))).toEqual([6, 4, 1, 20]);
  });

  it.each([
    [{ autoTune: false, lruCapacityPerServer: 7 }, 7],
    [{ autoTune: false, lruCapacityPerServer: 0 }, 20],
    [{ lruCapacityPerServer: 7 }, 10],
  ])('keeps with %j %d blocks of a server that reports 10', (parameters, kept) => {
    const cache = setup(parameters);
    scraped(cache.endpoints, 0, { blockTokens: 16, blockCount: 40 });
    cache.send(text('a', 20), 0);
    expect(cache.look(text('a', 20))[0]).toBe(kept);
  });
});

describe('approx-prefix-cache-producer block size', () => {
  const sizeOf = (cache: ReturnType<typeof setup>): number | undefined =>
    cache.produce(inferenceRequest({}, ['hello']))?.blockTokens;

  it.each([
    [{}, 64],
    [{ blockSizeTokens: 63 }, 64],
    [{ blockSizeTokens: 65 }, 65],
    [{ blockSize: 128 }, 128],
    [{ blockSize: 128, blockSizeTokens: 256 }, 256],
    [{ blockSizeTokens: 0 }, 64],
  ])('is with %j %d tokens when the servers report none', (parameters, tokens) => {
    const cache = setup(parameters);
    for (const slot of cache.endpoints.all) scraped(cache.endpoints, slot, { blockTokens: Number.NaN });
    expect(sizeOf(cache)).toBe(tokens);
  });

  it.each([
    [[16, 16, 16, 16], 64],
    [[128, 128, 128, 128], 128],
    [[128, 256, 256, Number.NaN], 128],
    [[256, 16, 256, 256], 64],
    [[0, -1, 1.5, 128], 128],
  ])('is for servers with %j the shortest, at least 64: %d', (reports, tokens) => {
    const cache = setup({ blockSizeTokens: 512 });
    for (const [slot, blockTokens] of reports.entries()) scraped(cache.endpoints, slot, { blockTokens });
    expect(sizeOf(cache)).toBe(tokens);
  });

  it('does not ask the servers with autoTune off', () => {
    const cache = setup({ autoTune: false, blockSizeTokens: 96 });
    scraped(cache.endpoints, 0, { blockTokens: 128 });
    expect(sizeOf(cache)).toBe(96);
  });

  it('never gets longer, and is reviewed once a second or when the pool changes', () => {
    const cache = setup();
    for (const slot of cache.endpoints.all) scraped(cache.endpoints, slot, { blockTokens: 256 });
    expect(sizeOf(cache)).toBe(256);
    scraped(cache.endpoints, 3, { blockTokens: 128 });
    cache.clock.advance(999);
    expect(sizeOf(cache)).toBe(256);
    cache.clock.advance(1);
    expect(sizeOf(cache)).toBe(128);
    cache.endpoints.replace([0, 1, 2].map((index) => endpointSpec(index)));
    expect(sizeOf(cache)).toBe(128);
    scraped(cache.endpoints, 0, { blockTokens: 64 });
    cache.endpoints.replace([0, 1].map((index) => endpointSpec(index)));
    expect(sizeOf(cache)).toBe(64);
    cache.endpoints.replace([]);
    expect(sizeOf(cache)).toBe(64);
  });

  it('counts of a server with longer blocks what is whole ones of its own', () => {
    const cache = setup();
    for (const [slot, blockTokens] of [64, 128, 256, 96].entries()) scraped(cache.endpoints, slot, { blockTokens });
    for (const slot of cache.endpoints.all) cache.send(text('a', 3), slot);
    // 3 blocks of 64 tokens are 192: one of 128, none of 256, two of 96.
    expect(cache.look(text('a', 5))).toEqual([3, 2, 0, 3]);
    expect(cache.look(text('a', 1))).toEqual([1, 0, 0, 0]);
    expect(cache.look(text('a', 2))).toEqual([2, 2, 0, 1]);
    expect(cache.look(text('b', 2))).toEqual([0, 0, 0, 0]);
  });

  it('makes no match of what was hashed with another', () => {
    const cache = setup();
    for (const slot of cache.endpoints.all) scraped(cache.endpoints, slot, { blockTokens: 128 });
    cache.send(text('a', 4), 1);
    expect(cache.look(text('a', 4))).toEqual([0, 2, 0, 0]);
    scraped(cache.endpoints, 0, { blockTokens: 64 });
    cache.clock.advance(1000);
    expect(cache.look(text('a', 4))).toEqual([0, 0, 0, 0]);
  });
});

describe('approx-prefix-cache-producer after the answer', () => {
  const answer = (endpoint: Endpoint): ResponseHead => ({ headers: NO_HEADERS, served: endpoint.hostPort, endpoint });

  function sent(cache: ReturnType<typeof setup>, prompt: string, slot: number, prefill?: number): Follower {
    const request = inferenceRequest({}, [prompt]);
    cache.produce(request);
    const follower = cache.pick(request, scheduleOf(slot, prefill));
    if (follower === undefined) throw new Error('nobody follows');
    return follower;
  }

  it('has a prompt where it was served, and no longer where it was sent', () => {
    const cache = setup();
    cache.send(text('a', 2), 0);
    const follower = sent(cache, text('a', 4), 0);
    expect(cache.look(text('a', 4))).toEqual([4, 0, 0, 0]);
    follower.onResponse?.(answer(endpointAt(cache.endpoints, 2)), NO_EDITS);
    expect(cache.look(text('a', 4))).toEqual([2, 0, 4, 0]);
    expect(cache.size()).toBe(6);
  });

  it('changes nothing where the first pick served, or has left since', () => {
    const cache = setup();
    const follower = sent(cache, text('a', 2), 1, 2);
    const picked = endpointAt(cache.endpoints, 1);
    follower.onResponse?.(answer(picked), NO_EDITS);
    expect(cache.look(text('a', 2))).toEqual([0, 2, 2, 0]);
    cache.remove(1);
    follower.onResponse?.(answer(picked), NO_EDITS);
    expect(cache.look(text('a', 2))).toEqual([0, 0, 2, 0]);
  });

  it("moves decode's credit and leaves prefill's", () => {
    const cache = setup();
    sent(cache, text('a', 2), 1, 2).onResponse?.(answer(endpointAt(cache.endpoints, 3)), NO_EDITS);
    expect(cache.look(text('a', 2))).toEqual([0, 0, 2, 2]);
  });

  it('gives the server that served no more than it has room for', () => {
    const cache = setup();
    scraped(cache.endpoints, 3, { blockTokens: 16, blockCount: 12 });
    sent(cache, text('a', 20), 0).onResponse?.(answer(endpointAt(cache.endpoints, 3)), NO_EDITS);
    expect(cache.look(text('a', 20))).toEqual([0, 0, 0, 3]);
  });

  it('keeps requests in flight apart whose look-ups were taken again', () => {
    const cache = setup();
    const followers = ['a', 'b', 'c'].map((name) => sent(cache, text(name, 2), 0));
    for (const [i, follower] of followers.entries()) {
      follower.onResponse?.(answer(endpointAt(cache.endpoints, i + 1)), NO_EDITS);
    }
    expect(['a', 'b', 'c'].map((name) => cache.look(text(name, 2)))).toEqual([
      [0, 2, 0, 0],
      [0, 0, 2, 0],
      [0, 0, 0, 2],
    ]);
  });
});

describe('approx-prefix-cache-producer parameters', () => {
  const issuesOf = (parameters: unknown): string[] =>
    v
      .safeParse(approxPrefixCacheProducer.config, parameters)
      .issues?.map((issue) => `${v.getDotPath(issue) ?? ''}: ${issue.message}`) ?? [];

  it.each([
    [{ autoTune: false, blockSizeTokens: 0 }, 'blockSizeTokens: must be above 0 when autoTune is off'],
    [{ autoTune: false, blockSizeTokens: -1 }, 'blockSizeTokens: must be above 0 when autoTune is off'],
    [{ maxPrefixTokensToMatch: -1 }, 'maxPrefixTokensToMatch: must not be negative'],
    [{ blockSizeTokens: 1.5 }, /^blockSizeTokens: Invalid integer/],
    [{ blockSizes: 16 }, /^blockSizes: Invalid key/],
  ])('refuses %j', (parameters, message) => {
    expect(issuesOf(parameters)).toEqual([message instanceof RegExp ? expect.stringMatching(message) : message]);
  });

  it.each([
    {},
    { autoTune: false, blockSizeTokens: 1 },
    { blockSizeTokens: 0 },
    { maxPrefixTokensToMatch: 0 },
    { autoTune: true, blockSizeTokens: 16, blockSize: 64, maxPrefixBlocksToMatch: 256, lruCapacityPerServer: 1000 },
  ])('takes %j', (parameters) => {
    expect(issuesOf(parameters)).toEqual([]);
  });
});
