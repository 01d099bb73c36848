import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES, type Rejection } from '../../src/core/errors.ts';
import { hasRole, type PluginDefinition } from '../../src/core/plugin.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { PLUGINS } from '../../src/plugins/catalog.ts';
import { create, inferenceRequest, pluginContext } from '../kit/plugins.ts';
import { idlePool, scraped } from '../kit/pool.ts';
import { SAMPLE_PARAMETERS } from '../kit/sample-parameters.ts';

const admitters = PLUGINS.filter((definition) =>
  hasRole(definition, 'admitter'),
) as readonly PluginDefinition<'admitter'>[];

const signal = fc.oneof(fc.constant(Number.NaN), fc.nat(1000), fc.constant(0));
const endpointSignals = fc.record({
  waiting: signal,
  running: signal,
  kvUsage: fc.oneof(fc.constant(Number.NaN), fc.double({ min: 0, max: 1, noNaN: true })),
});

describe.each(admitters)('$type keeps the admitter contract', (definition) => {
  const rig = (size: number, seed = 1) => {
    const endpoints = idlePool(size);
    const context = pluginContext({ endpoints, random: seededRandom(seed) });
    return { endpoints, admitter: create(definition, SAMPLE_PARAMETERS[definition.type] ?? {}, context) };
  };
  const requests = [-10, -1, 0, 1, 10].flatMap((priority) => [
    inferenceRequest({ priority }),
    inferenceRequest({ priority, body: undefined, model: '' }),
  ]);

  it('lets pass or refuses with a code and a reason a client can read, whatever is known', () => {
    fc.assert(
      fc.property(fc.array(endpointSignals, { minLength: 1, maxLength: 12 }), fc.nat(), (signals, seed) => {
        const { endpoints, admitter } = rig(signals.length, seed);
        for (const [slot, values] of signals.entries()) scraped(endpoints, slot, values);
        const before = [...endpoints.all];
        for (const request of requests) {
          const refusal = admitter.admit(request, endpoints.all);
          if (refusal === undefined) continue;
          expect(Object.keys(ERROR_CODES)).toContain(refusal.code);
          expect(refusal.message).toMatch(/^request cannot be admitted: \S/);
          expect(refusal.message).not.toMatch(/NaN|undefined|\n/);
          expect(refusal.dropReason).toBeDefined();
        }
        expect([...endpoints.all]).toEqual(before);
      }),
      { numRuns: 200 },
    );
  });

  it('lets everybody pass into an idle pool, and has nothing to say about an empty one', () => {
    for (const size of [0, 1, 1000]) {
      const { endpoints, admitter } = rig(size);
      for (const request of requests) expect(admitter.admit(request, endpoints.all)).toBeUndefined();
    }
  });

  it('is decided by the seed', () => {
    const run = (): (Rejection | undefined)[] => {
      const { endpoints, admitter } = rig(3, 7);
      for (const slot of endpoints.all) scraped(endpoints, slot, { waiting: 2, kvUsage: 0.3 });
      return Array.from({ length: 50 }, () => admitter.admit(inferenceRequest({ priority: -1 }), endpoints.all));
    };
    expect(run()).toEqual(run());
  });
});
