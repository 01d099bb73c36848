import { describe, expect, it } from 'vitest';
import * as v from 'valibot';
import { NO_EDITS } from '../../../test/kit/edits.ts';
import { create, inferenceRequest, pluginContext, silentMeter } from '../../../test/kit/plugins.ts';
import { endpointAt, endpointSpec, idlePool } from '../../../test/kit/pool.ts';
import { dataKey, MEDIA_MATCH, TOKENIZED_PROMPT } from '../../core/data.ts';
import { NO_HEADERS } from '../../core/headers.ts';
import type { Follower } from '../../core/hooks.ts';
import type { MediaItem } from '../../core/prompt.ts';
import type { InferenceRequest } from '../../core/request.ts';
import { DataBoard } from '../../scheduling/data-board.ts';
import { mmEmbeddingsCacheProducer } from './mm-embeddings-cache.ts';

const NAME = 'media';

/** Media by their first letter: an image, a video or an audio clip. */
function mediaOf(hashes: readonly string[]): MediaItem[] {
  const kinds = { i: 'image', v: 'video', a: 'audio' } as const;
  return hashes.map((hash) => ({ hash, modality: kinds[hash[0] as keyof typeof kinds] }));
}

function setup(parameters: object = {}) {
  const endpoints = idlePool(4);
  const board = new DataBoard();
  const told: string[] = [];
  const meter = silentMeter({
    mediaLookedUp: (modality, holders) =>
      void told.push(`${modality} at ${Array.from(holders, ({ name }) => name).join('+')}`),
    mediaHit: (ratio) => void told.push(`hit ${ratio}`),
    mediaEndpointGone: ({ name }) => void told.push(`gone ${name}`),
  });
  const context = pluginContext({ name: NAME, endpoints, meter }, board);
  const producer = create(mmEmbeddingsCacheProducer, parameters, context);
  endpoints.listen({ added() {}, removed: ({ slot }) => producer.onEndpointRemoved?.(slot) });
  const matchOf = board.reader(dataKey(MEDIA_MATCH, NAME));
  const produced = (...hashes: string[]): InferenceRequest => {
    const request = inferenceRequest();
    board.writer(dataKey(TOKENIZED_PROMPT))(request, { prompts: [], tokens: 1, media: mediaOf(hashes) });
    void producer.produce(request, endpoints.all);
    return request;
  };
  return {
    endpoints,
    told,
    producer,
    matchOf,
    produced,
    /** Items each endpoint has, then how many there are. */
    look(...hashes: string[]): number[] {
      const match = matchOf(produced(...hashes));
      return [...Array.from(endpoints.all, (slot) => match?.itemsBySlot[slot] ?? -1), match?.totalItems ?? -1];
    },
    pick(request: InferenceRequest, picks: Record<string, readonly number[]>): Follower | undefined {
      const entries = Object.entries(picks).map(([name, slots]) => [name, Uint32Array.from(slots)] as const);
      const schedule = { primary: entries[0]?.[0] ?? 'default', picks: new Map(entries) };
      return producer.onPicked?.(request, schedule, NO_EDITS) ?? undefined;
    },
    servedBy(slot: number) {
      const endpoint = endpointAt(endpoints, slot);
      return [{ headers: NO_HEADERS, served: endpoint.hostPort, endpoint }, NO_EDITS] as const;
    },
  };
}

describe('mm-embeddings-cache-producer', () => {
  it('tells who has encoded how many of the items', () => {
    const cache = setup();
    cache.pick(cache.produced('i1', 'v1'), { default: [1, 0] });
    cache.pick(cache.produced('i1', 'a1'), { default: [2] });
    expect(cache.look('i1', 'v1', 'a1', 'i9')).toEqual([0, 2, 2, 0, 4]);
    expect(cache.look('i9')).toEqual([0, 0, 0, 0, 1]);
  });

  it('counts an item once, however often the request shows it', () => {
    const cache = setup();
    cache.pick(cache.produced('i1', 'i1'), { default: [1] });
    expect(cache.look('i1', 'i2', 'i1', 'i2')).toEqual([0, 1, 0, 0, 2]);
  });

  it.each([
    ['no media', () => setup().produced()],
    ['no tokens', () => inferenceRequest()],
  ])('says nothing about a request with %s', (_what, make) => {
    const { matchOf, producer, pick, told, endpoints } = setup();
    const request = make();
    void producer.produce(request, endpoints.all);
    expect(matchOf(request)).toBeUndefined();
    expect(pick(request, { default: [0] })).toBeUndefined();
    expect(told).toEqual([]);
  });

  it.each<[string, Record<string, number[]>, number]>([
    ['the primary profile', { default: [0, 1] }, 0],
    ['prefill, before decode', { decode: [0], prefill: [1] }, 1],
    ['encode, before prefill', { decode: [0], prefill: [1], encode: [2, 3] }, 2],
    ['decode where the others found nobody', { decode: [0], prefill: [], encode: [] }, 0],
  ])('credits %s', (_what, picks, slot) => {
    const cache = setup();
    cache.pick(cache.produced('i1'), picks);
    expect(cache.look('i1')).toEqual([...[0, 1, 2, 3].map((each) => (each === slot ? 1 : 0)), 1]);
  });

  it('credits nobody where nobody was picked, or who has gone', () => {
    const cache = setup();
    expect(cache.pick(cache.produced('i1'), {})).toBeUndefined();
    cache.endpoints.replace([0, 1, 2].map((index) => endpointSpec(index)));
    expect(cache.pick(cache.produced('i1'), { default: [3] })).toBeUndefined();
    expect(cache.look('i1')).toEqual([0, 0, 0, 1]);
  });

  it.each([
    [{ cacheSizeInMBPerServer: 4 }, 2],
    [{ cacheSizeInMBPerServer: 5 }, 2],
    [{ cacheSizeInMBPerServer: 6 }, 3],
    [{ cacheSizeInMBPerServer: 1 }, 1],
    [{ cacheSizeInMBPerServer: 0 }, 2048],
    [{ cacheSizeInMBPerServer: -5 }, 2048],
    [{}, 2048],
  ])('believes with %j that a server keeps the latest %d', (parameters, kept) => {
    const cache = setup(parameters);
    const all = Array.from({ length: kept + 1 }, (_, i) => `i${i}`);
    cache.pick(cache.produced(...all.slice(0, kept)), { default: [1] });
    expect(cache.look(...all)).toEqual([0, kept, 0, 0, kept + 1]);
    // Using the first again makes the second the oldest.
    cache.pick(cache.produced(all[0]), { default: [1] });
    cache.pick(cache.produced(all[kept]), { default: [1] });
    expect(cache.look(...all)[1]).toBe(kept);
    expect(cache.look(all[kept === 1 ? 0 : 1])[1]).toBe(0);
    expect(cache.look(all[kept])[1]).toBe(1);
  });

  it('has items where they were served, and no longer where they were sent, but for those there before', () => {
    const cache = setup();
    cache.pick(cache.produced('i1'), { default: [0] });
    cache.pick(cache.produced('i1', 'i2'), { default: [0] })?.onResponse?.(...cache.servedBy(3));
    expect([cache.look('i1'), cache.look('i2')]).toEqual([
      [1, 0, 0, 1, 1],
      [0, 0, 0, 1, 1],
    ]);
    cache.pick(cache.produced('i3'), { default: [1] })?.onResponse?.(...cache.servedBy(1));
    expect(cache.look('i3')).toEqual([0, 1, 0, 0, 1]);
  });

  it('does not take what prefill encoded for what decode served', () => {
    const cache = setup();
    expect(cache.pick(cache.produced('i1'), { decode: [0], prefill: [1] })).toBeUndefined();
  });

  it('forgets an endpoint that leaves, and takes nothing from the next in its slot', () => {
    const cache = setup();
    const follower = cache.pick(cache.produced('i1'), { default: [0] });
    cache.pick(cache.produced('i1'), { default: [1] });
    let turn = 0;
    do cache.endpoints.replace([endpointSpec(1), endpointSpec(100 + turn++)]);
    while (cache.endpoints.at(0) === undefined);
    expect(cache.look('i1')).toEqual([0, 1, 1]);
    cache.pick(cache.produced('i1'), { default: [0] });
    follower?.onResponse?.(...cache.servedBy(1));
    expect(cache.look('i1')).toEqual([1, 1, 1]);
    expect(cache.told.filter((line) => line.startsWith('gone'))).toEqual(['gone vllm-0']);
  });

  it('reports each item looked for, who has it, and what the pick found', () => {
    const cache = setup();
    cache.pick(cache.produced('i1', 'v1'), { default: [1] });
    cache.pick(cache.produced('i1', 'a1', 'i1'), { default: [1] });
    cache.pick(cache.produced('i1'), { default: [0] });
    cache.produced('i1');
    expect(cache.told).toEqual([
      'image at ',
      'video at ',
      'hit 0',
      'image at vllm-1',
      'audio at ',
      'hit 0.5',
      'image at vllm-1',
      'hit 0',
      'image at vllm-1+vllm-0',
    ]);
  });
});

describe('mm-embeddings-cache-producer parameters', () => {
  const issuesOf = (parameters: unknown): string[] =>
    v
      .safeParse(mmEmbeddingsCacheProducer.config, parameters)
      .issues?.map((issue) => `${v.getDotPath(issue) ?? ''}: ${issue.message}`) ?? [];

  it.each([
    [{ cacheSizeInMBPerServer: 1.5 }, /^cacheSizeInMBPerServer: Invalid integer/],
    [{ cacheSizeInMBPerServer: 2 ** 20 + 1 }, 'cacheSizeInMBPerServer: must be at most 1048576'],
    [{ cacheSizeInMB: 2048 }, /^cacheSizeInMB: Invalid key/],
  ])('refuse %j', (parameters, message) => {
    expect(issuesOf(parameters)).toEqual([message instanceof RegExp ? expect.stringMatching(message) : message]);
  });

  it('take the most there is', () => {
    expect(issuesOf({ cacheSizeInMBPerServer: 2 ** 20 })).toEqual([]);
    const cache = setup({ cacheSizeInMBPerServer: 2 ** 20 });
    cache.pick(cache.produced('i1'), { default: [0] });
    expect(cache.look('i1')[0]).toBe(1);
  });
});
