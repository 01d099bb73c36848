import { describe, expect, it } from 'vitest';
import { consumedBy, create, inferenceRequest, pluginContext, scoresOf } from '../../../test/kit/plugins.ts';
import { idlePool } from '../../../test/kit/pool.ts';
import { dataKey, keyText, PEER_ENDPOINT } from '../../core/data.ts';
import { TOPOLOGY } from '../../core/topology.ts';
import { DataBoard } from '../../scheduling/data-board.ts';
import { topologyAffinityScorer } from './topology-affinity.ts';

describe('topology-affinity-scorer', () => {
  it('asks the extractor that is named how near each is to the peer', () => {
    const board = new DataBoard();
    const endpoints = idlePool(5);
    board.share(dataKey(TOPOLOGY, 'mine'), { nearest: (slot, other) => Math.abs(slot - other) });
    const scorer = create(
      topologyAffinityScorer,
      { topologyProducerName: 'mine' },
      pluginContext({ endpoints }, board),
    );
    const request = inferenceRequest();
    board.writer(dataKey(PEER_ENDPOINT))(request, 4);
    expect(scoresOf(scorer, request, endpoints.all)).toEqual([0, 0.02, 0.05, 0.2, 1]);
  });

  it('says what it needs and what it judges by', () => {
    expect(consumedBy(topologyAffinityScorer)).toEqual(['Topology/topology-extractor']);
    expect(consumedBy(topologyAffinityScorer, { topologyProducerName: 'mine' })).toEqual(['Topology/mine']);
    const judged = topologyAffinityScorer.reads?.({ topologyProducerName: '' }) ?? [];
    expect(judged.map(keyText)).toEqual(['peer-endpoint/disagg-profile-handler']);
  });
});
