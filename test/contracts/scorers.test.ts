import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PluginDefinition } from '../../src/core/plugin.ts';
import { PLUGINS } from '../../src/plugins/catalog.ts';
import { idlePool, scraped } from '../kit/pool.ts';
import { create, inferenceRequest, pluginContext } from '../kit/plugins.ts';

/** Signals a server could report, unknown ones and nonsense included. */
const signal = fc.oneof(fc.constant(Number.NaN), fc.nat(1000), fc.constant(0));
const endpointSignals = fc.record({
  waiting: signal,
  running: signal,
  kvUsage: fc.oneof(fc.constant(Number.NaN), fc.double({ min: 0, max: 1, noNaN: true })),
});

const scorers = PLUGINS.filter(({ kind }) => kind === 'scorer') as readonly PluginDefinition<'scorer'>[];

describe.each(scorers)('$type keeps the scorer contract', (definition) => {
  it('gives every candidate a finite value in [0, 1], whatever is known', () => {
    fc.assert(
      fc.property(fc.array(endpointSignals, { minLength: 1, maxLength: 12 }), (signals) => {
        const endpoints = idlePool(signals.length);
        for (const [slot, values] of signals.entries()) scraped(endpoints, slot, values);
        const out = new Float64Array(signals.length).fill(-7);
        create(definition, {}, pluginContext({ endpoints })).score(inferenceRequest(), endpoints.all, out);
        for (const value of out) {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('does not depend on the order of the candidates', () => {
    const endpoints = idlePool(6);
    for (const slot of endpoints.all)
      scraped(endpoints, slot, { waiting: slot * 2, running: 9 - slot, kvUsage: slot / 10 });
    const scorer = create(definition, {}, pluginContext({ endpoints }));
    const forward = new Float64Array(6);
    const backward = new Float64Array(6);
    scorer.score(inferenceRequest(), endpoints.all, forward);
    scorer.score(inferenceRequest(), endpoints.all.toReversed(), backward);
    expect(Array.from(backward.toReversed())).toEqual(Array.from(forward));
  });

  it('takes no candidates and requests without a body', () => {
    const endpoints = idlePool(3);
    const scorer = create(definition, {}, pluginContext({ endpoints }));
    const out = new Float64Array(3);
    expect(() => scorer.score(inferenceRequest(), new Uint32Array(0), out)).not.toThrow();
    expect(() => scorer.score(inferenceRequest({ body: undefined }), endpoints.all, out)).not.toThrow();
  });

  it('writes only the places of its candidates', () => {
    const endpoints = idlePool(3);
    const out = new Float64Array(5).fill(42);
    create(definition, {}, pluginContext({ endpoints })).score(inferenceRequest(), endpoints.all, out);
    expect(Array.from(out.slice(3))).toEqual([42, 42]);
  });
});
