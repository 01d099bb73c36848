import { describe, expect, it } from 'vitest';
import { create, pluginContext } from '../../../test/kit/plugins.ts';
import { endpointSpec, idlePool } from '../../../test/kit/pool.ts';
import { dataKey } from '../../core/data.ts';
import { FAR_APART, type Topology, TOPOLOGY, TOPOLOGY_LEVELS } from '../../core/topology.ts';
import { topologyExtractor } from './topology.ts';

const STANDARD = {
  host: 'kubernetes.io/hostname',
  rack: 'topology.kubernetes.io/rack',
  zone: 'topology.kubernetes.io/zone',
  region: 'topology.kubernetes.io/region',
};

/** Labels of an endpoint at `host rack zone region`; `-` leaves one out. */
function labels(places: string, keys: Readonly<Record<string, string>> = STANDARD): Record<string, string> {
  const names = places.split(' ');
  const pairs = TOPOLOGY_LEVELS.map((level, index): [string, string] => [keys[level], names[index]]);
  return Object.fromEntries(pairs.filter(([, name]) => name !== '-'));
}

function rig(places: readonly string[], parameters: object = {}, keys: Readonly<Record<string, string>> = STANDARD) {
  const table = idlePool(0);
  const put = (...list: readonly string[]) =>
    table.replace(list.map((each, index) => endpointSpec(index, { labels: labels(each, keys) })));
  put(...places);
  const context = pluginContext({ endpoints: table, name: 'topology-extractor' });
  const extractor = create(topologyExtractor, parameters, context);
  table.listen({ added() {}, removed: ({ slot }) => extractor.onEndpointRemoved?.(slot) });
  const topology: Topology = context.shared(dataKey(TOPOLOGY));
  const nearest = (a: number, b: number): string => TOPOLOGY_LEVELS[topology.nearest(a, b)] ?? 'nowhere';
  return { table, put, nearest, topology };
}

describe('topology-extractor', () => {
  it.each([
    ['h1 r1 z1 g1', 'h1 r1 z1 g1', 'host'],
    ['h1 r1 z1 g1', 'h2 r1 z1 g1', 'rack'],
    ['h1 r1 z1 g1', 'h2 r2 z1 g1', 'zone'],
    ['h1 r1 z1 g1', 'h2 r2 z2 g1', 'region'],
    ['h1 r1 z1 g1', 'h2 r2 z2 g2', 'nowhere'],
    ['h1 - z1 -', 'h2 r1 z1 g1', 'zone'],
    ['- - - -', '- - - -', 'nowhere'],
    ['h1 - - -', '- - - -', 'nowhere'],
    // A name means something on its own level only.
    ['x - - -', '- x - -', 'nowhere'],
    ['h1 r1 z1 g1', 'h1 r2 z2 g2', 'host'],
  ])('%s and %s meet at %s', (a, b, level) => {
    const { nearest } = rig([a, b]);
    expect([nearest(0, 1), nearest(1, 0)]).toEqual([level, level]);
  });

  it('reads the labels it is told to, the standard ones where it is told none', () => {
    const keys = { ...STANDARD, host: 'node', zone: 'az' };
    const { nearest } = rig(
      ['h1 r1 z1 g1', 'h1 r2 z2 g2', 'h2 r2 z1 g9'],
      { hostname: 'node', zone: 'az', rack: '' },
      keys,
    );
    expect([nearest(0, 1), nearest(0, 2), nearest(1, 2)]).toEqual(['host', 'zone', 'rack']);
  });

  it('takes an empty label for none', () => {
    const { table, nearest } = rig([]);
    table.replace([0, 1].map((index) => endpointSpec(index, { labels: { [STANDARD.host]: '' } })));
    expect(nearest(0, 1)).toBe('nowhere');
  });

  it('follows endpoints that move, leave and come', () => {
    const { table, put, nearest, topology } = rig(['h1 r1 z1 g1', 'h1 r1 z1 g1']);
    expect(nearest(0, 1)).toBe('host');
    put('h1 r1 z1 g1', 'h2 r1 z1 g1');
    const [kept, moved] = table.all;
    expect(nearest(kept, moved)).toBe('rack');
    expect(topology.nearest(kept, 1)).toBe(FAR_APART);
    put();
    expect(topology.nearest(kept, kept)).toBe(FAR_APART);
    for (let round = 0; round < 100; round++) put(`h${round} r z g`, `h${round} r z g`);
    const [a, b] = table.all;
    expect(nearest(a, b)).toBe('host');
    put('ha r z g', 'hb r z g');
    const [c, d] = table.all;
    expect(nearest(c, d)).toBe('rack');
  });

  it('shares its topology under its own name', () => {
    const context = pluginContext({ name: 'mine' });
    const extractor = create(topologyExtractor, {}, context);
    expect(context.shared(dataKey(TOPOLOGY, 'mine'))).toBe(extractor);
    expect(topologyExtractor.produces?.({ hostname: 'a', rack: 'b', zone: 'c', region: 'd' }, 'mine')).toEqual([
      dataKey(TOPOLOGY, 'mine'),
    ]);
    expect(() => create(topologyExtractor, { node: 'x' })).toThrow(/never/);
  });
});
