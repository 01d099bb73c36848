import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PluginDefinition } from '../../src/core/plugin.ts';
import type { Schedule } from '../../src/core/schedule.ts';
import { PLUGINS } from '../../src/plugins/catalog.ts';
import { DataBoard } from '../../src/scheduling/data-board.ts';
import { NO_EDITS } from '../kit/edits.ts';
import { endpointSpec, idlePool } from '../kit/pool.ts';
import { create, inferenceRequest, pluginContext } from '../kit/plugins.ts';
import { SAMPLE_PARAMETERS } from '../kit/sample-parameters.ts';

const producers = PLUGINS.filter(({ kind }) => kind === 'producer') as readonly PluginDefinition<'producer'>[];

describe.each(producers)('$type keeps the producer contract', (definition) => {
  const rig = (size = 3) => {
    const endpoints = idlePool(size);
    const board = new DataBoard();
    const context = pluginContext({ name: definition.type, endpoints }, board);
    const keys = definition.produces?.({}, definition.type) ?? [];
    const producer = create(definition, SAMPLE_PARAMETERS[definition.type] ?? {}, context);
    return { endpoints, producer, readers: keys.map((key) => board.reader(key)) };
  };

  it('says what it produces under its own name', () => {
    const keys = definition.produces?.({}, 'my-name') ?? [];
    expect(keys.length).toBeGreaterThan(0);
    for (const key of keys) expect(key.producer).toBe('my-name');
  });

  it('publishes nothing for a request it can say nothing about', () => {
    const { endpoints, producer, readers } = rig();
    const request = inferenceRequest({ body: undefined });
    void producer.produce(request, endpoints.all);
    for (const read of readers) expect(read(request)).toBeUndefined();
  });

  it('survives any order of requests, picks and endpoints that come and go', () => {
    const step = fc.record({ prompt: fc.string({ maxLength: 2000 }), slot: fc.nat(2), leaves: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const { endpoints, producer } = rig();
        endpoints.listen({ added() {}, removed: ({ slot }) => producer.onEndpointRemoved?.(slot) });
        for (const [index, { prompt, slot, leaves }] of steps.entries()) {
          const request = inferenceRequest({}, [prompt]);
          void producer.produce(request, endpoints.all);
          if (leaves)
            endpoints.replace([0, 1, 2].map((i) => endpointSpec(i, i === slot ? { name: `new-${index}` } : {})));
          const pick = endpoints.all[slot % endpoints.all.length];
          const schedule: Schedule = { primary: 'default', picks: new Map([['default', Uint32Array.of(pick)]]) };
          producer.onPicked?.(request, schedule, NO_EDITS);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('does not mix up requests that are scheduled at the same time', () => {
    const { endpoints, producer, readers } = rig();
    const first = inferenceRequest({}, ['a'.repeat(1000)]);
    const second = inferenceRequest({}, ['b'.repeat(5000)]);
    void producer.produce(first, endpoints.all);
    const seen = (): string =>
      inspect(
        readers.map((read) => read(first)),
        { depth: 3 },
      );
    const before = seen();
    void producer.produce(second, endpoints.all);
    expect(seen()).toBe(before);
  });
});
