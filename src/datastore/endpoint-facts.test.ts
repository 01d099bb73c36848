import { describe, expect, it } from 'vitest';
import { endpointAt, endpointSpec, idlePool } from '../../test/kit/pool.ts';
import type { LoraInfo } from '../core/endpoint.ts';

const LORA: LoraInfo = { active: new Set(['sql']), waiting: new Set(), maxActive: 4 };
const MODELS = new Set(['llama', 'sql']);

describe('facts', () => {
  it('are kept per endpoint, each kind on its own', () => {
    const table = idlePool(2);
    const { slot, generation } = endpointAt(table, 1);
    table.facts.learn({ slot, generation, about: 'lora', value: LORA });
    table.facts.learn({ slot, generation, about: 'models', value: MODELS });
    expect([table.lora(1), table.models(1), table.lora(0), table.models(0)]).toEqual([
      LORA,
      MODELS,
      undefined,
      undefined,
    ]);
    table.facts.learn({ slot, generation, about: 'lora', value: undefined });
    expect([table.lora(1), table.models(1)]).toEqual([undefined, MODELS]);
    table.facts.forgetAll('models');
    expect(table.models(1)).toBeUndefined();
  });

  it('go with their endpoint, and come too late afterwards', () => {
    const table = idlePool(1);
    const { slot, generation } = endpointAt(table, 0);
    table.facts.learn({ slot, generation, about: 'lora', value: LORA });
    table.replace([]);
    expect(table.lora(slot)).toBeUndefined();
    table.facts.learn({ slot, generation, about: 'lora', value: LORA });
    expect(table.lora(slot)).toBeUndefined();
  });

  it('of an earlier tenant are not about the present one', () => {
    const table = idlePool(1);
    const { slot, generation } = endpointAt(table, 0);
    for (let round = 1; table.at(slot)?.generation === generation || table.at(slot) === undefined; round++) {
      table.replace([endpointSpec(round)]);
    }
    table.facts.learn({ slot, generation, about: 'models', value: MODELS });
    expect(table.models(slot)).toBeUndefined();
  });
});
