import { describe, expect, it } from 'vitest';
import { create, inferenceRequest, pluginContext, scoresOf } from '../../../test/kit/plugins.ts';
import { endpointSpec, idlePool, tellLora } from '../../../test/kit/pool.ts';
import { keyText } from '../../core/data.ts';
import { loraAffinityScorer } from './lora-affinity.ts';

/** A scorer over as many endpoints, and what a request for `model` scores. */
function rig(size: number) {
  const pool = idlePool(size);
  const scorer = create(loraAffinityScorer, {}, pluginContext({ endpoints: pool }));
  pool.listen({ added() {}, removed: ({ slot }) => scorer.onEndpointRemoved?.(slot) });
  const score = (targetModel: string): number[] =>
    scoresOf(scorer, inferenceRequest({ model: 'asked-for', targetModel }), pool.all);
  return { pool, score };
}

describe('lora-affinity-scorer', () => {
  it('goes by the model the server is asked for, not by the one the client named', () => {
    const { pool, score } = rig(2);
    tellLora(pool, 0, { active: ['asked-for'], maxActive: 1 });
    tellLora(pool, 1, { active: ['sql-lora'], maxActive: 1 });
    expect(score('sql-lora')).toEqual([0, 1]);
  });

  it('sees at once that a server tells something new, or nothing any more', () => {
    const { pool, score } = rig(1);
    tellLora(pool, 0, { active: ['a'], maxActive: 2 });
    expect(score('m')).toEqual([0.8]);
    tellLora(pool, 0, { active: ['a', 'b'], maxActive: 2 });
    expect(score('m')).toEqual([0]);
    tellLora(pool, 0, { active: ['a', 'b'], waiting: ['m'], maxActive: 2 });
    expect(score('m')).toEqual([0.6]);
    pool.facts.forgetAll('lora');
    expect(score('m')).toEqual([0.5]);
  });

  it('knows nothing of an endpoint that came into the slot of another', () => {
    const { pool, score } = rig(1);
    tellLora(pool, 0, { active: ['m'], maxActive: 2 });
    expect(score('m')).toEqual([1]);
    pool.replace([endpointSpec(0, { labels: { is: 'new' } })]);
    expect(score('m')).toEqual([0.5]);
  });

  it('makes no difference between servers that tell nothing', () => {
    expect(rig(3).score('m')).toEqual([0.5, 0.5, 0.5]);
  });

  it('says what it judges by', () => {
    expect(loraAffinityScorer.reads?.({}).map(keyText)).toEqual([
      'ActiveModels/core-metrics-extractor',
      'WaitingModels/core-metrics-extractor',
    ]);
  });
});
