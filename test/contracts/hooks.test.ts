import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Headers } from '../../src/core/headers.ts';
import type { Follower, HeaderEdits, Hooks, MetadataEdits } from '../../src/core/hooks.ts';
import type { PluginDefinition } from '../../src/core/plugin.ts';
import type { Schedule } from '../../src/core/schedule.ts';
import { PLUGINS } from '../../src/plugins/catalog.ts';
import { create, inferenceRequest, pluginContext } from '../kit/plugins.ts';
import { endpointAt, endpointSpec, idlePool } from '../kit/pool.ts';
import { stock } from '../kit/stock.ts';
import { SAMPLE_PARAMETERS } from '../kit/sample-parameters.ts';

const HOOKS = ['fairnessId', 'onPicked', 'onEndpointRemoved', 'close'] as const;

function make(definition: PluginDefinition, endpoints = idlePool(3)): Hooks {
  const decider = { decide: () => true };
  const context = pluginContext({ name: definition.type, endpoints, plugin: () => decider as never }, stock().board);
  return create(definition, SAMPLE_PARAMETERS[definition.type] ?? {}, context);
}

const hooked = PLUGINS.filter((definition) => {
  const instance = make(definition);
  return HOOKS.some((hook) => instance[hook] !== undefined);
});

/** Edits that hold what they are told to the rules of the wire. */
function strictEdits(): HeaderEdits & MetadataEdits {
  const checkName = (name: string): void => expect(name).toMatch(/^[!#$%&'*+.^_`|~0-9a-z-]+$/);
  return {
    set(name: string, key: string, value?: number | string) {
      if (value === undefined) {
        checkName(name);
        expect(key).toMatch(/^[\t\x20-\x7e\x80-\uffff]*$/);
        return;
      }
      expect([name, key]).not.toContain('');
      if (typeof value === 'number') expect(value).toSatisfy(Number.isFinite);
    },
    remove: checkName,
  };
}

const value = fc.oneof(fc.string({ maxLength: 300 }), fc.base64String({ maxLength: 300 }), fc.constant(undefined));
/** Headers that have something under every name. */
const headers = value.map((text): Headers => ({ get: () => text }));
const count = fc.option(fc.nat(), { nil: undefined });
const usage = fc.option(fc.record({ promptTokens: count, completionTokens: count, cachedTokens: count }), {
  nil: undefined,
});
const profile = fc.constantFrom('default', 'prefill');

describe('the catalog', () => {
  it('has no plugin of hooks only that has none', () => {
    const types = new Set(hooked.map(({ type }) => type));
    expect(PLUGINS.filter(({ kind, type }) => kind === 'hook' && !types.has(type))).toEqual([]);
  });
});

describe.each(hooked)('$type keeps the contract of hooks', (definition) => {
  it('names nobody for a request that names nobody, and the same one each time', () => {
    const { fairnessId } = make(definition);
    expect(fairnessId?.({ get: () => undefined })).toBeUndefined();
    expect(fairnessId?.({ get: () => '' })).toBeUndefined();
    const named = { get: () => 'somebody' };
    expect(fairnessId?.(named)).toBe(fairnessId?.(named));
  });

  it('never throws at a pick or what follows, whatever is sent, and edits by the rules', () => {
    fc.assert(
      fc.property(headers, usage, profile, fc.nat(2), fc.boolean(), (sent, tokens, primary, slot, leaves) => {
        const endpoints = idlePool(3);
        const plugin = make(definition, endpoints);
        endpoints.listen({ added() {}, removed: (gone) => plugin.onEndpointRemoved?.(gone.slot) });
        const edits = strictEdits();
        const endpoint = endpointAt(endpoints, slot);
        const schedule: Schedule = { primary, picks: new Map([[primary, Uint32Array.of(slot)]]) };
        const request = inferenceRequest({ headers: sent });
        const follower: Follower | void = plugin.onPicked?.(request, schedule, edits);
        if (leaves) endpoints.replace([endpointSpec(9)]);
        follower?.onResponse?.({ headers: sent, served: endpoint.hostPort, endpoint }, edits);
        follower?.onFirstPiece?.();
        follower?.onComplete?.(tokens, edits);
        follower?.onEnd?.('complete');
      }),
      { numRuns: 200 },
    );
  });

  it('bears a schedule without picks and a stream that ends at once', () => {
    const plugin = make(definition);
    const schedule: Schedule = { primary: 'default', picks: new Map() };
    for (const request of [inferenceRequest(), inferenceRequest({ body: undefined })]) {
      const follower = plugin.onPicked?.(request, schedule, strictEdits());
      for (const how of ['client-disconnect', 'error'] as const) follower?.onEnd?.(how);
    }
    plugin.close?.();
  });
});
