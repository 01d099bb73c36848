import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Hooks } from '../../src/core/hooks.ts';
import type { Producer } from '../../src/core/kinds.ts';
import { hasRole, type PluginDefinition } from '../../src/core/plugin.ts';
import type { Schedule } from '../../src/core/schedule.ts';
import type { EndpointTable } from '../../src/datastore/endpoint-table.ts';
import { PLUGINS } from '../../src/plugins/catalog.ts';
import { DataBoard } from '../../src/scheduling/data-board.ts';
import { NO_EDITS } from '../kit/edits.ts';
import { endpointSpec, idlePool } from '../kit/pool.ts';
import { configOf, create, inferenceRequest, pluginContext } from '../kit/plugins.ts';

const producers = PLUGINS.filter((plugin) => hasRole(plugin, 'producer')) as readonly PluginDefinition<'producer'>[];

/** The producer and, before it, the default producers of all it reads. */
function withSuppliers(
  definition: PluginDefinition<'producer'>,
  endpoints: EndpointTable,
  board: DataBoard,
): readonly (Producer & Hooks)[] {
  const made = new Map<string, Producer & Hooks>();
  const make = (plugin: PluginDefinition<'producer'>): void => {
    if (made.has(plugin.type)) return;
    for (const { type } of plugin.consumes?.(configOf(plugin)) ?? []) {
      const supplier = producers.find((other) => other.type === type.defaultProducer);
      if (supplier === undefined) throw new Error(`nobody produces ${type.name}`);
      make(supplier);
    }
    made.set(plugin.type, create(plugin, undefined, pluginContext({ name: plugin.type, endpoints }, board)));
  };
  make(definition);
  return [...made.values()];
}

describe.each(producers)('$type keeps the producer contract', (definition) => {
  const keysOf = (name: string) => definition.produces?.(configOf(definition), name) ?? [];
  const rig = (size = 3) => {
    const endpoints = idlePool(size);
    const board = new DataBoard();
    const chain = withSuppliers(definition, endpoints, board);
    return {
      endpoints,
      chain,
      produce(request: ReturnType<typeof inferenceRequest>): void {
        for (const producer of chain) void producer.produce(request, endpoints.all);
      },
      readers: keysOf(definition.type).map((key) => board.reader(key)),
    };
  };

  it('says what it produces, under its own name or the one everybody asks for', () => {
    const keys = keysOf('my-name');
    expect(keys.length).toBeGreaterThan(0);
    for (const key of keys) expect(['my-name', key.type.defaultProducer, '']).toContain(key.producer);
  });

  it('publishes nothing for a request it can say nothing about', () => {
    const { produce, readers } = rig();
    const request = inferenceRequest({ body: undefined });
    expect(() => produce(request)).not.toThrow();
    for (const read of readers) expect(read(request)).toBeUndefined();
  });

  it('survives any order of requests, picks, responses and endpoints that come and go', () => {
    const step = fc.record({
      prompt: fc.string({ maxLength: 2000 }),
      slot: fc.nat(2),
      served: fc.nat(2),
      leaves: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const { endpoints, chain, produce } = rig();
        const open = new Set<() => void>();
        endpoints.listen({
          added() {},
          removed: ({ slot }) => chain.forEach((producer) => producer.onEndpointRemoved?.(slot)),
        });
        for (const [index, { prompt, slot, served, leaves }] of steps.entries()) {
          const request = inferenceRequest({}, [prompt]);
          produce(request);
          if (leaves)
            endpoints.replace([0, 1, 2].map((i) => endpointSpec(i, i === slot ? { name: `new-${index}` } : {})));
          const pick = endpoints.all[slot % endpoints.all.length];
          const schedule: Schedule = { primary: 'default', picks: new Map([['default', Uint32Array.of(pick)]]) };
          for (const producer of chain) {
            const follower = producer.onPicked?.(request, schedule, NO_EDITS) ?? undefined;
            const endpoint = endpoints.at(endpoints.all[served % endpoints.all.length]);
            if (follower === undefined || endpoint === undefined) continue;
            open.add(() => {
              follower.onResponse?.(
                { headers: { get: () => undefined }, served: endpoint.hostPort, endpoint },
                NO_EDITS,
              );
              follower.onFirstPiece?.();
              follower.onEnd?.('complete');
            });
          }
          // Responses come later, and some endpoints have left by then.
          if (index % 3 === 2) for (const finish of open) finish();
          if (index % 3 === 2) open.clear();
        }
        for (const producer of chain) producer.close?.();
      }),
      { numRuns: 100 },
    );
  });

  it('does not mix up requests that are scheduled at the same time', () => {
    const { produce, readers } = rig();
    const first = inferenceRequest({}, ['a'.repeat(1000)]);
    const second = inferenceRequest({}, ['b'.repeat(5000)]);
    produce(first);
    const seen = (): string =>
      inspect(
        readers.map((read) => read(first)),
        { depth: 3 },
      );
    const before = seen();
    produce(second);
    expect(seen()).toBe(before);
  });
});
