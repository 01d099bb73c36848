import { describe, expect, it } from 'vitest';
import { endpointSpec, idlePool } from '../../test/kit/pool.ts';
import { inferenceRequest } from '../../test/kit/plugins.ts';
import { defaultScheduler } from '../../test/kit/scheduler.ts';
import type { EndpointTable } from '../datastore/endpoint-table.ts';
import { FallbackSpread } from './fallback-spread.ts';

/** A pool of endpoints at such `host` or `host/zone`; an empty host has no label. */
function poolAt(...places: readonly string[]): EndpointTable {
  return idlePool(places.length, (i) => {
    const [host, zone] = places[i].split('/');
    const labels: Record<string, string> = {};
    if (host !== '') labels['kubernetes.io/hostname'] = host;
    if (zone !== undefined) labels['topology.kubernetes.io/zone'] = zone;
    return { labels };
  });
}

/** The endpoints named of a pool ranked in table order. */
function chosen(pool: EndpointTable, named: number): number[] {
  const spread = new FallbackSpread(pool);
  const ranked = pool.all.slice(0, spread.reach(named));
  return [...spread.choose(ranked, Math.min(named, ranked.length))];
}

describe('fallbacks', () => {
  it.each<readonly [what: string, places: readonly string[], named: number, chosen: readonly number[]]>([
    ['are on another host', ['a', 'a', 'b', 'b', 'c'], 3, [0, 2, 4]],
    ['avoid hosts of one another, then go by score', ['a', 'b', 'b', 'a'], 3, [0, 1, 2]],
    ['go by score where everybody is on the host of the first', ['a', 'a', 'a', 'b'], 4, [0, 3, 1, 2]],
    ['are in another zone', ['a/x', 'b/x', 'c/y', 'd/z'], 3, [0, 2, 3]],
    ['are on another host before they are in another zone', ['a/x', 'a/y', 'b/x'], 2, [0, 2]],
    ['are in any zone that is not known', ['a/x', 'b/x', 'c', 'd/y'], 3, [0, 2, 3]],
    ['are the last of 4n for another host', ['a', 'a', 'a', 'a', 'a', 'a', 'a', 'b'], 2, [0, 7]],
    ['are not the first after 4n', ['a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'b'], 2, [0, 1]],
    ['are the last of 2n for another zone', ['a/x', 'b/x', 'c/x', 'd/y', 'e/y'], 2, [0, 3]],
    ['are not the first after 2n', ['a/x', 'b/x', 'c/x', 'd/x', 'e/y'], 2, [0, 1]],
    ['are nobody where one is named', ['a', 'a', 'b'], 1, [0]],
    ['are all there are', ['a', 'a', 'b'], 9, [0, 2, 1]],
  ])('%s', (_what, places, named, expected) => {
    expect(chosen(poolAt(...places), named)).toEqual(expected);
  });

  it('are at another address where no label names the host', () => {
    const pool = idlePool(4, (i) => ({ address: i < 3 ? '10.0.0.1' : '10.0.0.2', port: 8000 + i }));
    expect(chosen(pool, 2)).toEqual([0, 3]);
  });

  it.each([
    ['everybody has a host alone', ['a', 'b', 'c', 'd', 'e']],
    ['everybody is on one host', ['a', 'a', 'a', 'a', 'a']],
    ['everybody is in one zone', ['a/x', 'b/x', 'c/x', 'd/x', 'e']],
    ['nothing is known', ['', '', '', '', '']],
  ])('ask for no longer ranking where %s', (_what, places) => {
    expect(new FallbackSpread(poolAt(...places)).reach(3)).toBe(3);
  });

  it('follow the pool', () => {
    const pool = poolAt('a', 'b');
    const spread = new FallbackSpread(pool);
    expect(spread.reach(2)).toBe(2);
    pool.replace([0, 1, 2].map((i) => endpointSpec(i, { labels: { 'kubernetes.io/hostname': i < 2 ? 'a' : 'b' } })));
    expect(spread.reach(2)).toBe(8);
    expect([...spread.choose(pool.all.slice(), 2)]).toEqual([pool.all[0], pool.all[2]]);
  });

  it('are spread in the list a scheduler makes, behind the best', () => {
    const pool = poolAt('a', 'a', 'a', 'b');
    for (const slot of pool.all) pool.signals.kvUsage[slot] = slot / 10;
    const schedule = defaultScheduler(pool, { fallbacks: 1 }).schedule(inferenceRequest(), pool.all);
    expect(schedule).toMatchObject({ picks: new Map([['default', Uint32Array.of(0, 3)]]) });
  });
});
