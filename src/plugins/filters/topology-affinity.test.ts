import { describe, expect, it } from 'vitest';
import { complaint, consumedBy, create, inferenceRequest, keptBy, pluginContext } from '../../../test/kit/plugins.ts';
import { endpointSpec, idlePool } from '../../../test/kit/pool.ts';
import { dataKey, keyText, PEER_ENDPOINT } from '../../core/data.ts';
import { TOPOLOGY } from '../../core/topology.ts';
import { DataBoard } from '../../scheduling/data-board.ts';
import { topologyAffinityFilter } from './topology-affinity.ts';

describe('topology-affinity-filter', () => {
  it('hands back the very list where nobody is to be left out', () => {
    const board = new DataBoard();
    const endpoints = idlePool(3, () => ({}));
    let nearest = 0;
    board.share(dataKey(TOPOLOGY), { nearest: () => nearest });
    const filter = create(topologyAffinityFilter, {}, pluginContext({ endpoints }, board));
    const request = inferenceRequest();
    expect(filter.filter(request, endpoints.all)).toBe(endpoints.all);
    board.writer(dataKey(PEER_ENDPOINT))(request, 1);
    expect(filter.filter(request, endpoints.all)).toBe(endpoints.all);
    nearest = 4;
    expect(filter.filter(request, endpoints.all)).toBe(endpoints.all);
  });

  it('asks the extractor that is named', () => {
    const board = new DataBoard();
    const endpoints = idlePool(2);
    board.share(dataKey(TOPOLOGY), { nearest: () => 0 });
    board.share(dataKey(TOPOLOGY, 'mine'), { nearest: (slot, other) => (slot === other ? 0 : 4) });
    const filter = create(
      topologyAffinityFilter,
      { topologyProducerName: 'mine' },
      pluginContext({ endpoints }, board),
    );
    const request = inferenceRequest();
    board.writer(dataKey(PEER_ENDPOINT))(request, 1);
    expect(keptBy(filter, request, endpoints.all)).toEqual([1]);
    endpoints.replace([endpointSpec(1)]);
    expect(keptBy(filter, request, endpoints.all)).toEqual([1]);
  });

  it('says what it needs and what it judges by', () => {
    expect(consumedBy(topologyAffinityFilter)).toEqual(['Topology/topology-extractor']);
    expect(consumedBy(topologyAffinityFilter, { topologyProducerName: 'mine' })).toEqual(['Topology/mine']);
    const judged = topologyAffinityFilter.reads?.({ minAffinity: 'host', topologyProducerName: '' }) ?? [];
    expect(judged.map(keyText)).toEqual(['peer-endpoint/disagg-profile-handler']);
  });

  it.each([
    [{}, undefined],
    [{ minAffinity: 'region' }, undefined],
    [{ minAffinity: 'continent' }, 'must be one of host, rack, zone, region'],
  ])('checks %j', (parameters, message) => {
    expect(complaint(topologyAffinityFilter, parameters)).toBe(message);
  });
});
