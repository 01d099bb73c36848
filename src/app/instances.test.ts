import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { inferenceRequest, pluginContext } from '../../test/kit/plugins.ts';
import { resolveConfig } from '../config/resolve.ts';
import { dataKey, type DataType, openKey } from '../core/data.ts';
import { definePlugin, type PluginDefinition } from '../core/plugin.ts';
import { PLUGINS } from '../plugins/catalog.ts';
import { coreMetricsExtractor } from '../scrape/extractors.ts';
import { metricsDataSource } from '../scrape/sources.ts';
import { Instances, type InstanceParts } from './instances.ts';

const WORD: DataType<string> = { name: 'Word', defaultProducer: 'word-producer' };
const nothing = v.strictObject({});

/** Publishes its own name. */
const wordProducer = definePlugin({
  kind: 'producer',
  type: 'word-producer',
  stability: 'beta',
  summary: 'Says who it is.',
  config: nothing,
  produces: (_config, name) => [dataKey(WORD, name)],
  create: (_config, context) => {
    const write = context.write(dataKey(WORD, context.name));
    return { produce: (request) => write(request, context.name) };
  },
});

/** Says yes to the word of one producer, whichever the configuration has. */
const wordDecider = definePlugin({
  kind: 'decider',
  type: 'word-decider',
  stability: 'beta',
  summary: 'Decides by the word.',
  config: nothing,
  consumes: () => [openKey(WORD)],
  create: (_config, { read }) => {
    const wordOf = read(openKey(WORD));
    return { decide: (request) => wordOf(request) === 'mine' };
  },
});

const wordScorer = definePlugin({
  kind: 'scorer',
  type: 'word-scorer',
  stability: 'beta',
  summary: 'Needs the default word.',
  config: nothing,
  consumes: () => [dataKey(WORD)],
  create: () => ({ score: (_request, _candidates, out) => void out.fill(0) }),
});

const catalog: ReadonlyMap<string, PluginDefinition> = new Map(
  [...PLUGINS, metricsDataSource, coreMetricsExtractor, wordProducer, wordDecider, wordScorer].map((definition) => [
    definition.type,
    definition,
  ]),
);

const { endpoints, clock, timers, random, http, answerDeadlineMs, meter } = pluginContext();
const parts: InstanceParts = {
  endpoints,
  clock,
  timers,
  random,
  http,
  answerDeadlineMs,
  meter: () => meter,
  debug() {},
};

function make(plugins: string, earlier?: Instances): Instances {
  const config = resolveConfig(`plugins: [${plugins}]`, { catalog, allowExperimental: false, source: 'test' });
  return new Instances(config, parts, earlier);
}

/** What the decider says once every producer has spoken. */
function decides(instances: Instances): boolean {
  const request = inferenceRequest();
  for (const { instance } of instances.ofKind('producer')) void instance.produce(request, Uint32Array.of(0));
  return instances.get('decider', 'word-decider').instance.decide(request, 0);
}

const MINE = '{type: word-producer, name: mine}, {type: word-decider}';

describe('a reader of an open key', () => {
  it('reads the only producer of the configuration, else the default one', () => {
    expect(decides(make(MINE))).toBe(true);
    expect(decides(make(`${MINE}, {type: word-scorer}`))).toBe(false);
    expect(decides(make('{type: word-decider}'))).toBe(false);
  });

  it('is kept while its producer stays the same, and made anew when it does not', () => {
    const before = make(MINE);
    const decider = before.get('decider', 'word-decider').instance;
    const same = make(`${MINE}, {type: queue-scorer}`, before);
    expect(same.get('decider', 'word-decider').instance).toBe(decider);
    const both = make(`${MINE}, {type: word-scorer}`, same);
    expect(decides(both)).toBe(false);
    const back = make(MINE, both);
    expect(decides(back)).toBe(true);
  });
});
