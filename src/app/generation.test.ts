import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { manualClock, manualTimers } from '../../test/kit/clock.ts';
import { NO_METER } from '../../test/kit/plugins.ts';
import { idlePool } from '../../test/kit/pool.ts';
import { resolveConfig } from '../config/resolve.ts';
import type { ResolvedConfig } from '../config/resolved.ts';
import { type DataType, dataKey } from '../core/data.ts';
import { ConfigError } from '../core/errors.ts';
import { definePlugin, type PluginDefinition } from '../core/plugin.ts';
import { seededRandom } from '../lib/random.ts';
import { PLUGINS } from '../plugins/catalog.ts';
import { createGeneration, type Generation } from './generation.ts';

const TABLE: DataType<number[]> = { name: 'Table', defaultProducer: 'maker' };

/** Plugins that say what happens to them. */
function rig() {
  const events: string[] = [];
  const maker = definePlugin({
    kind: 'producer',
    type: 'maker',
    stability: 'beta',
    summary: '',
    config: v.object({ size: v.optional(v.number(), 1) }),
    produces: (_config, name) => [dataKey(TABLE, name)],
    create({ size }, { name, share }) {
      events.push(`make ${name}`);
      share(dataKey(TABLE, name), [size]);
      return { produce() {}, close: () => void events.push(`close ${name}`) };
    },
  });
  const tables: number[][] = [];
  const reader = definePlugin({
    kind: 'hook',
    type: 'reader',
    stability: 'beta',
    summary: '',
    config: v.object({ needs: v.optional(v.string()), fail: v.optional(v.boolean()) }),
    consumes: () => [dataKey(TABLE)],
    needs: ({ needs }) => (needs === undefined ? [] : [{ kind: 'scorer', name: needs, at: ['needs'] }]),
    create({ fail, needs }, { name, shared, plugin }) {
      if (fail === true) throw new ConfigError('told to fail');
      if (needs !== undefined) plugin('scorer', needs);
      events.push(`make ${name}`);
      tables.push(shared(dataKey(TABLE)));
      return { close: () => void events.push(`close ${name}`) };
    },
  });
  const catalog = new Map<string, PluginDefinition>(
    [...PLUGINS, maker, reader].map((definition) => [definition.type, definition]),
  );
  const parts = {
    instances: {
      endpoints: idlePool(1),
      clock: manualClock(),
      timers: manualTimers(),
      random: seededRandom(1),
      http: { postJson: () => Promise.reject(new Error('nobody')) },
      answerDeadlineMs: 1000,
      meter: () => NO_METER,
      debug() {},
    },
    scheduler: {
      clock: manualClock(),
      timers: manualTimers(),
      answerDeadlineMs: 1000,
      bindDuration: () => () => {},
      minPicks: 1,
      decisionListener: () => undefined,
      onProducerFault() {},
    },
  };
  const config = (...plugins: object[]): ResolvedConfig => {
    const text = JSON.stringify({ plugins, dataLayer: { sources: [], injectDefaults: true } });
    const sources = [
      { kind: 'source', type: 'metrics-data-source' },
      { kind: 'extractor', type: 'core-metrics-extractor' },
    ].map(
      ({ kind, type }) =>
        ({ kind, type, stability: 'beta', summary: '', config: v.object({}), create: () => ({}) }) as PluginDefinition,
    );
    for (const source of sources) catalog.set(source.type, source);
    return resolveConfig(text, { catalog, source: 'test', allowExperimental: true });
  };
  const run = (next: ResolvedConfig, before?: Generation): Generation => createGeneration(next, parts, before);
  return { events, tables, config, run };
}

describe('a generation', () => {
  it('keeps plugins that did not change and makes the others anew', () => {
    const { events, config, run } = rig();
    const first = run(config({ type: 'maker' }, { name: 'other', type: 'maker' }));
    events.length = 0;
    const second = run(config({ type: 'maker' }, { name: 'other', type: 'maker', parameters: { size: 2 } }), first);
    expect(events).toEqual(['make other']);
    expect(second.instances.get('producer', 'maker')).toBe(first.instances.get('producer', 'maker'));
    expect(second.instances.get('producer', 'other')).not.toBe(first.instances.get('producer', 'other'));
    first.instances.closeBefore(second.instances);
    expect(events).toEqual(['make other', 'close other']);
  });

  it('makes anew what depends on something new, with the new one', () => {
    const { events, tables, config, run } = rig();
    const first = run(config({ type: 'maker' }, { type: 'reader' }));
    const same = run(config({ type: 'maker' }, { type: 'reader' }), first);
    expect(events).toEqual(['make maker', 'make reader']);
    run(config({ type: 'maker', parameters: { size: 7 } }, { type: 'reader' }), same);
    expect(events).toEqual(['make maker', 'make reader', 'make maker', 'make reader']);
    expect(tables).toEqual([[1], [7]]);
  });

  it('hands what a kept plugin shares to new readers', () => {
    const { tables, config, run } = rig();
    const first = run(config({ type: 'maker' }));
    run(config({ type: 'maker' }, { type: 'reader' }), first);
    expect(tables).toEqual([[1]]);
  });

  it('that cannot work closes what it made and nothing else', () => {
    const { events, config, run } = rig();
    const first = run(config({ type: 'maker' }));
    events.length = 0;
    const broken = config(
      { type: 'maker' },
      { name: 'other', type: 'maker' },
      { type: 'reader', parameters: { fail: true } },
    );
    expect(() => run(broken, first)).toThrow("failed to create plugin 'reader' (type: 'reader'): told to fail");
    expect(events).toEqual(['make other', 'close other']);
  });

  it('makes plugins after those they call, and refuses names that are not there', () => {
    const { config, run } = rig();
    const good = config({ type: 'reader', parameters: { needs: 'q' } }, { name: 'q', type: 'queue-scorer' });
    expect(() => run(good)).not.toThrow();
    expect(() => config({ type: 'reader', parameters: { needs: 'nobody' } })).toThrow(
      "test:1:52: plugins[0].parameters.needs: 'reader' has a dependency on the unregistered plugin 'nobody'",
    );
    expect(() => config({ type: 'reader', parameters: { needs: 'maker' } }, { type: 'maker' })).toThrow(
      "the plugin 'maker' is not a scorer but a producer",
    );
  });
});
