import { assert, constantFrom, integer, property, tuple } from 'fast-check';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import {
  AGENT_IDENTITY_KEY,
  dataKey,
  type DataType,
  keyText,
  openKey,
  PREFIX_MATCH,
  SESSION_ID,
} from '../core/data.ts';
import type { PluginKind } from '../core/kinds.ts';
import type { PluginDefinition, Stability } from '../core/plugin.ts';
import { BUILT_IN_CONFIG } from './built-in.ts';
import { configErrorsOf } from '../../test/kit/config-errors.ts';
import { resolveConfig } from './resolve.ts';
import type { ResolvedConfig } from './resolved.ts';

const TOKENS: DataType<unknown> = { name: 'TokenizedPrompt', defaultProducer: 'token-producer' };
const LEFT: DataType<unknown> = { name: 'Left', defaultProducer: 'left-producer' };
const RIGHT: DataType<unknown> = { name: 'Right', defaultProducer: 'right-producer' };
const LOST: DataType<unknown> = { name: 'Lost', defaultProducer: 'predicted-latency-producer' };

const create = (): never => {
  throw new Error('resolving creates nothing');
};

function plugin(
  kind: PluginKind,
  type: string,
  more: Partial<PluginDefinition> & { stability?: Stability } = {},
): [string, PluginDefinition] {
  return [type, { kind, type, stability: 'beta', summary: type, config: v.object({}), create, ...more }];
}

const picker = v.object({ maxNumOfEndpoints: v.optional(v.pipe(v.number(), v.integer()), 1) });
const CATALOG: ReadonlyMap<string, PluginDefinition> = new Map([
  plugin('filter', 'decode-filter'),
  plugin('filter', 'utilization-filter', { stability: 'alpha' }),
  plugin('scorer', 'queue-scorer'),
  plugin('saturation-detector', 'concurrency-detector', { also: ['filter'] }),
  plugin('scorer', 'odd-scorer', {
    config: v.object({ timeout: v.optional(v.string()) }),
    warnings: (config) => [
      ...((config as { timeout?: string }).timeout === undefined ? [] : [{ at: ['timeout'], message: 'is ignored' }]),
      { at: [], message: 'is odd' },
    ],
  }),
  plugin('scorer', 'kv-cache-utilization-scorer'),
  plugin('scorer', 'load-aware-scorer', {
    config: v.object({ threshold: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1)), 128) }),
  }),
  plugin('scorer', 'prefix-cache-scorer', { consumes: () => [dataKey(PREFIX_MATCH)] }),
  plugin('producer', 'approx-prefix-cache-producer', {
    config: v.object({
      blockSizeTokens: v.optional(v.number(), 16),
      autoTune: v.optional(v.boolean(), true),
      nested: v.optional(v.object({ deep: v.optional(v.array(v.object({ size: v.number() }))) })),
    }),
    consumes: () => [dataKey(TOKENS)],
    produces: (_config, name) => [dataKey(PREFIX_MATCH, name)],
  }),
  plugin('producer', 'token-producer', { produces: () => [dataKey(TOKENS)] }),
  plugin('scorer', 'latency-scorer', { consumes: () => [dataKey(LOST)] }),
  plugin('scorer', 'other-prefix-scorer', { consumes: () => [dataKey(PREFIX_MATCH, 'cpu-producer')] }),
  plugin('scorer', 'session-affinity-scorer', {
    config: v.object({ producer: v.optional(v.string()) }),
    consumes: (config) => {
      const { producer } = config as { producer?: string };
      return [producer === undefined ? AGENT_IDENTITY_KEY : dataKey(SESSION_ID, producer)];
    },
  }),
  plugin('producer', 'session-id-producer', {
    config: v.pipe(
      v.object({ headerName: v.optional(v.string()) }),
      v.check(({ headerName }) => headerName !== undefined, 'must have exactly one of headerName and cookieName'),
    ),
    produces: (_config, name) => [dataKey(SESSION_ID, name)],
  }),
  plugin('hook', 'agent-identity', { also: ['producer'], produces: () => [AGENT_IDENTITY_KEY] }),
  plugin('producer', 'left-producer', {
    consumes: () => [dataKey(RIGHT)],
    produces: (_c, name) => [dataKey(LEFT, name)],
  }),
  plugin('producer', 'right-producer', {
    consumes: () => [dataKey(LEFT)],
    produces: (_c, name) => [dataKey(RIGHT, name)],
  }),
  plugin('picker', 'max-score-picker', { config: picker }),
  plugin('picker', 'random-picker', { config: picker }),
  plugin('profile-handler', 'single-profile-handler'),
  plugin('profile-handler', 'header-profile-handler', { stability: 'deprecated' }),
  plugin('hook', 'old-hook', { stability: 'deprecated', instead: 'remove it' }),
  plugin('decider', 'open-decider', { consumes: () => [openKey(PREFIX_MATCH)] }),
  plugin('fairness-policy', 'round-robin-fairness-policy'),
  plugin('ordering-policy', 'edf-ordering-policy'),
  plugin('parser', 'openai-parser'),
  plugin('parser', 'passthrough-parser'),
  plugin('source', 'metrics-data-source', {
    config: v.object({
      scheme: v.optional(v.picklist(['http', 'https']), 'http'),
      path: v.optional(v.string(), '/metrics'),
      insecureSkipVerify: v.optional(v.boolean(), true),
    }),
  }),
  plugin('extractor', 'core-metrics-extractor', {
    config: v.object({ defaultEngine: v.optional(v.string(), 'vllm') }),
  }),
  plugin('discovery', 'file-discovery', {
    config: v.object({ path: v.string(), watchFile: v.optional(v.boolean(), false) }),
  }),
]);

function resolve(
  text: string | undefined,
  options: { allowExperimental?: boolean; without?: string[] } = {},
): ResolvedConfig {
  const catalog = new Map(CATALOG);
  for (const type of options.without ?? []) catalog.delete(type);
  return resolveConfig(text, { source: 'test.yaml', catalog, allowExperimental: options.allowExperimental ?? false });
}

const errorsOf = (text: string, options: Parameters<typeof resolve>[1] = {}): readonly string[] =>
  configErrorsOf(() => resolve(text, options));

const names = (config: ResolvedConfig): string[] => config.plugins.map(({ name }) => name);
const HEAD = 'apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n';

describe('a configuration that works', () => {
  it.each([undefined, ''])('is built in when the text is %j', (text) => {
    const config = resolve(text);
    expect(config.profiles).toEqual([
      {
        name: 'default',
        plugins: [
          { name: 'queue-scorer', weight: 2 },
          { name: 'kv-cache-utilization-scorer', weight: 2 },
          { name: 'prefix-cache-scorer', weight: 3 },
          { name: 'max-score-picker', weight: 1 },
        ],
      },
    ]);
    expect(config.handler).toBe('single-profile-handler');
    expect(config.parsers).toEqual(['openai-parser', 'passthrough-parser']);
    expect(config.sources).toEqual([{ source: 'metrics-data-source', extractors: ['core-metrics-extractor'] }]);
    expect(config.gates).toEqual({ flowControl: false, haPopulateNonLeaderDatastore: true });
    expect(config.discovery).toBeUndefined();
    expect(config.warnings).toEqual([]);
  });

  it('puts producers before consumers and else keeps the order of the text', () => {
    const config = resolve(undefined);
    expect(names(config)).toEqual([
      'queue-scorer',
      'kv-cache-utilization-scorer',
      'token-producer',
      'approx-prefix-cache-producer',
      'prefix-cache-scorer',
      'metrics-data-source',
      'core-metrics-extractor',
      'max-score-picker',
      'single-profile-handler',
      'openai-parser',
      'passthrough-parser',
    ]);
    expect(config.plugins.filter(({ origin }) => origin === 'declared')).toHaveLength(5);
  });

  it('is the chart default (S1), with parameters', () => {
    const config = resolve(`${HEAD}plugins:
- {type: queue-scorer}
- {type: kv-cache-utilization-scorer}
- {type: prefix-cache-scorer}
- {type: metrics-data-source, parameters: {scheme: "http", path: "/metrics", insecureSkipVerify: true}}
- {type: core-metrics-extractor, parameters: {defaultEngine: "sglang"}}
schedulingProfiles:
- {name: default, plugins: [{pluginRef: queue-scorer, weight: 2}, {pluginRef: kv-cache-utilization-scorer, weight: 2}, {pluginRef: prefix-cache-scorer, weight: 3}]}
`);
    expect(config.plugins.find(({ name }) => name === 'core-metrics-extractor')?.parameters).toEqual({
      defaultEngine: 'sglang',
    });
    expect(config.sources).toEqual([{ source: 'metrics-data-source', extractors: ['core-metrics-extractor'] }]);
    expect(config.warnings).toEqual([]);
  });

  it('needs no Kubernetes (S8), no header, and bears ignored things with warnings', () => {
    const config = resolve(`plugins:
- {name: file-disc, type: file-discovery, parameters: {path: /etc/epp/endpoints.yaml, watchFile: true}}
- {name: kv-cache-scorer, type: kv-cache-utilization-scorer}
- {name: random-picker, type: random-picker}
- {name: single-profile, type: single-profile-handler, parameters: {scorer: kv-cache-scorer, picker: random-picker}}
schedulingProfiles: [{name: default, plugins: [{pluginRef: single-profile}]}]
dataLayer: {discovery: {pluginRef: file-disc}}
`);
    expect(config.discovery).toBe('file-disc');
    expect(config.handler).toBe('single-profile');
    expect(config.profiles[0].plugins).toEqual([{ name: 'random-picker', weight: 1 }]);
    expect(config.warnings).toEqual([
      `test.yaml:5:56: plugins[3].parameters: 'single-profile-handler' takes no parameters: "scorer", "picker" ignored`,
      `test.yaml:6:48: schedulingProfiles[0].plugins[0]: 'single-profile' is a profile-handler, not a filter, scorer or picker: ignored in a profile`,
      `test.yaml:3:3: plugins[1]: the scorer 'kv-cache-scorer' is in no scheduling profile: it is never asked`,
    ]);
  });

  it('may list a parser under a profile (S12)', () => {
    const config = resolve(`plugins: [{type: openai-parser}, {type: max-score-picker}]
schedulingProfiles: [{name: default, plugins: [{pluginRef: openai-parser}, {pluginRef: max-score-picker}]}]
requestHandler: {parsers: [{pluginRef: openai-parser}]}`);
    expect(config.parsers).toEqual(['openai-parser']);
    expect(config.profiles[0].plugins).toEqual([{ name: 'max-score-picker', weight: 1 }]);
  });

  it('is the same as JSON, tabs and all', () => {
    const json = JSON.stringify(
      {
        plugins: [{ type: 'random-picker' }],
        schedulingProfiles: [{ name: 'p', plugins: [{ pluginRef: 'random-picker' }] }],
      },
      null,
      '\t',
    );
    expect(resolve(json).profiles).toEqual([{ name: 'p', plugins: [{ name: 'random-picker', weight: 1 }] }]);
  });

  it('gets one profile with everything it lists when it names none', () => {
    const config = resolve(
      'plugins: [{type: random-picker}, {type: queue-scorer}, {type: decode-filter}, {type: openai-parser}]',
    );
    expect(config.profiles).toEqual([
      {
        name: 'default',
        plugins: [
          { name: 'random-picker', weight: 1 },
          { name: 'queue-scorer', weight: 1 },
          { name: 'decode-filter', weight: 1 },
        ],
      },
    ]);
  });

  it('says so when a saturation detector gets into that profile as a filter', () => {
    const detectors = 'plugins: [{type: queue-scorer}, {type: concurrency-detector, name: mine}]';
    const config = resolve(detectors);
    expect(config.profiles[0].plugins.map(({ name }) => name)).toEqual(['queue-scorer', 'mine', 'max-score-picker']);
    expect(config.warnings).toEqual([
      "test.yaml:1:33: plugins[1]: without schedulingProfiles 'mine' also filters out full endpoints: write schedulingProfiles without it to keep those",
    ]);
    const profiles = 'schedulingProfiles: [{name: p, plugins: [{pluginRef: queue-scorer}]}]';
    expect(resolve(`${detectors}\n${profiles}`).warnings).toEqual([
      "test.yaml:1:33: plugins[1]: 'mine' is not in flowControl.saturationDetector.pluginRef: it is never asked",
    ]);
  });

  it('passes on what a plugin finds odd about its parameters, with its place', () => {
    const config = resolve(`plugins:
- type: odd-scorer
  parameters:
    timeout: 1s
- {type: odd-scorer, name: plain}`);
    expect(config.warnings).toEqual([
      'test.yaml:4:14: plugins[0].parameters.timeout: is ignored',
      'test.yaml:2:3: plugins[0]: is odd',
      'test.yaml:5:3: plugins[1]: is odd',
    ]);
  });

  it('gives a profile without picker the first one listed', () => {
    const config =
      resolve(`plugins: [{type: random-picker, name: b}, {type: max-score-picker, name: a}, {type: queue-scorer}]
schedulingProfiles: [{name: p, plugins: [{pluginRef: queue-scorer, weight: -0.5}]}]`);
    expect(config.profiles[0].plugins).toEqual([
      { name: 'queue-scorer', weight: -0.5 },
      { name: 'b', weight: 1 },
    ]);
    expect(names(config)).not.toContain('max-score-picker');
  });

  it('takes parameters in any case, null for absent, and nested ones', () => {
    const config = resolve(`plugins:
- type: approx-prefix-cache-producer
  parameters: {BlockSizeTokens: 64, autoTune: null, nested: {DEEP: [{Size: 1}]}}
`);
    expect(config.plugins[1].parameters).toEqual({
      blockSizeTokens: 64,
      autoTune: true,
      nested: { deep: [{ size: 1 }] },
    });
  });

  it('finds data wherever it comes from, by the name of its producer or by none', () => {
    const config = resolve(`plugins:
- {type: session-affinity-scorer, name: by-agent}
- {type: session-affinity-scorer, name: by-session, parameters: {producer: mine}}
- {type: agent-identity, name: agents}
- {type: session-id-producer, name: mine, parameters: {headerName: x}}
`);
    expect(names(config).slice(0, 4)).toEqual(['agents', 'by-agent', 'mine', 'by-session']);
  });

  it('does not take a renamed producer for the default one', () => {
    const config = resolve('plugins: [{type: approx-prefix-cache-producer, name: cpu}, {type: prefix-cache-scorer}]');
    expect(names(config).slice(1, 4)).toEqual(['cpu', 'approx-prefix-cache-producer', 'prefix-cache-scorer']);
  });

  it('does not scrape twice because a metrics source has a name of its own', () => {
    const config = resolve(`plugins: [{type: metrics-data-source, name: mine}, {type: core-metrics-extractor}]
dataLayer: {sources: [{pluginRef: mine, extractors: [{pluginRef: core-metrics-extractor}]}]}`);
    expect(config.sources).toEqual([{ source: 'mine', extractors: ['core-metrics-extractor'] }]);
  });

  it('may be in the old group, with old keys, and is told so', () => {
    const config = resolve(`apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
parser: {pluginRef: openai-parser}
saturationDetector: {pluginRef: utilization-detector}
featureGates: [flowControl=false, flowControl, "flowControl= F "]
flowControl: {maxBytes: 10Gi, maxRequests: 5, defaultRequestTTL: 60s, priorityBands: [{priority: 1}, {maxBytes: "0"}]}
dataLayer: {peerDiscovery: {pluginRef: x}}
plugins: [{type: queue-scorer}]
schedulingProfiles: [{name: p, plugins: [{pluginRef: queue-scorer}]}]
`);
    expect(config.parsers).toEqual(['openai-parser']);
    expect(config.saturationDetector).toBeUndefined();
    expect(config.gates.flowControl).toBe(false);
    expect(config.warnings).toHaveLength(6);
    expect(config.warnings[0]).toBe(
      'test.yaml:1:13: apiVersion: "inference.networking.x-k8s.io/v1alpha1" is deprecated: write "llm-d.ai/v1alpha1"',
    );
  });

  it('falls back on the built-in one, with a word, when it holds only comments', () => {
    const config = resolve('# nothing yet\n');
    expect(config.profiles).toEqual(resolve(undefined).profiles);
    expect(config.warnings).toEqual(['test.yaml: has no content: the built-in configuration is used']);
  });

  it('gives an open key the only producer there is or is asked for, else the default one', () => {
    const settled = (plugins: string): string[] => {
      const config = resolve(`plugins: [${plugins}]`);
      const reader = config.plugins.find(({ type }) => type === 'open-decider');
      expect(reader?.consumes.some(({ open }) => open)).toBe(false);
      return [
        ...(reader?.consumes.map(keyText) ?? []),
        ...names(config).filter((name) => /prefix.*producer|cpu/.test(name)),
      ];
    };
    const approx = 'PrefixCacheMatchInfoDataKey/approx-prefix-cache-producer';
    const cpu = '{type: approx-prefix-cache-producer, name: cpu-producer}';
    expect(settled('{type: open-decider}')).toEqual([approx, 'approx-prefix-cache-producer']);
    expect(settled(`{type: open-decider}, {type: prefix-cache-scorer}`)).toEqual([
      approx,
      'approx-prefix-cache-producer',
    ]);
    // One declared producer, read by a scorer or by nobody else: no second index for the decider.
    const only = ['PrefixCacheMatchInfoDataKey/cpu-producer', 'cpu-producer'];
    expect(settled(`{type: open-decider}, ${cpu}`)).toEqual(only);
    expect(settled(`{type: open-decider}, ${cpu}, {type: other-prefix-scorer}`)).toEqual(only);
    // Two: nobody can tell which is meant.
    expect(settled(`{type: open-decider}, ${cpu}, {type: prefix-cache-scorer}`)).toEqual([
      approx,
      'approx-prefix-cache-producer',
      'cpu-producer',
    ]);
  });

  it('warns about deprecated types and weights without effect', () => {
    const config = resolve(`plugins: [{type: header-profile-handler}, {type: decode-filter}, {type: old-hook}]
schedulingProfiles: [{name: p, plugins: [{pluginRef: decode-filter, weight: 2}]}]`);
    expect(config.warnings).toEqual([
      "test.yaml:1:18: plugins[0].type: plugin type 'header-profile-handler' is deprecated",
      "test.yaml:1:73: plugins[2].type: plugin type 'old-hook' is deprecated: remove it",
      "test.yaml:2:77: schedulingProfiles[0].plugins[0].weight: 'decode-filter' is a filter: only scorers have a weight, ignored",
    ]);
  });

  it('uses alpha plugins when allowed', () => {
    expect(names(resolve('plugins: [{type: utilization-filter}]', { allowExperimental: true }))).toContain(
      'utilization-filter',
    );
  });

  it('takes a tokenizer under any name, and the first of several', () => {
    const head = 'plugins: [{type: prefix-cache-scorer}, ';
    const order = (config: ResolvedConfig): string[] => names(config).filter((name) => /^(a|b|tok|appr)/.test(name));
    const renamed = resolve(`${head}{type: tokenizer}]`);
    expect(order(renamed)).toEqual(['tokenizer', 'approx-prefix-cache-producer']);
    const two = resolve(`${head}{name: b, type: token-producer}, {name: a, type: token-producer}]`);
    expect(order(two)).toEqual(['b', 'approx-prefix-cache-producer', 'a']);
    expect(two.warnings).toEqual([
      "test.yaml:1:73: plugins[2]: 'a' produces TokenizedPrompt/token-producer, which a plugin before it does: that one counts",
    ]);
  });
});

describe('a configuration that does not', () => {
  const P = 'plugins: [{type: queue-scorer}]\n';
  it.each<[what: string, text: string, errors: string[]]>([
    ['a list', '[]', ['1:1: found a list, expected a map with "plugins" and "schedulingProfiles"']],
    ['a word', 'hello', ['1:1: found "hello", expected a map with "plugins" and "schedulingProfiles"']],
    [
      'another kind',
      'kind: Pod',
      [
        '1:7: kind: no kind "Pod" is registered for version "llm-d.ai/v1alpha1": write "llm-d.ai/v1alpha1" and "EndpointPickerConfig"',
      ],
    ],
    [
      'a bare version',
      'apiVersion: v1alpha1',
      [
        '1:13: apiVersion: no kind "EndpointPickerConfig" is registered for version "v1alpha1": write "llm-d.ai/v1alpha1" and "EndpointPickerConfig"',
      ],
    ],
    ['an unknown key', 'plugin: []', ['1:1: plugin: unknown key "plugin" (did you mean "plugins"?)']],
    ['keys in other case', 'Plugins: []', ['1:1: Plugins: unknown key "Plugins" (did you mean "plugins"?)']],
    [
      'inline detector tuning',
      `${P}flowControl: {saturationDetector: {queueDepthThreshold: 5}}`,
      [
        '2:36: flowControl.saturationDetector.queueDepthThreshold: unknown key "queueDepthThreshold": known are pluginRef',
      ],
    ],
    ['duplicate keys', 'plugins: []\nplugins: []', ['2:1: Map keys must be unique']],
    [
      'duplicate parameter keys',
      'plugins: [{type: random-picker, parameters: {maxNumOfEndpoints: 1, maxNumOfEndpoints: 2}}]',
      ['1:68: Map keys must be unique'],
    ],
    [
      'parameters that differ in case only',
      'plugins: [{type: random-picker, parameters: {maxNumOfEndpoints: 1, MaxNumOfEndpoints: 2}}]',
      ['1:68: plugins[0].parameters.MaxNumOfEndpoints: "maxNumOfEndpoints" is given twice'],
    ],
    ['a number for a list', 'plugins: 5', ['1:10: plugins: found 5, expected a list']],
    [
      'numbers JSON lacks',
      `${P}schedulingProfiles: [{name: p, plugins: [{pluginRef: queue-scorer, weight: .inf}]}]`,
      ['2:76: found a value that JSON cannot hold'],
    ],
    ['a second document', '{}\n---\n{}', ['3:1: found a second document, expected one']],
    [
      'unknown gate',
      'featureGates: [flowcontrol]',
      [
        `1:16: featureGates[0]: feature gate validation failed: feature gate 'flowcontrol' is unknown or unregistered (did you mean "flowControl"?)`,
      ],
    ],
    [
      'bad gate value',
      'featureGates: [flowControl=maybe]',
      [
        '1:16: featureGates[0]: feature gate validation failed: "maybe" is not a valid value for the feature gate flowControl: write true or false',
      ],
    ],
    ['no type', 'plugins: [{name: a}]', ["1:11: plugins[0]: plugin 'a' is missing a type"]],
    [
      'duplicate names',
      'plugins: [{type: queue-scorer}, {type: decode-filter, name: queue-scorer}]',
      ["1:33: plugins[1]: duplicate plugin name 'queue-scorer': give one of them another name"],
    ],
    [
      'a misspelled type',
      'plugins: [{type: queue-scorrer}]',
      [`1:18: plugins[0].type: plugin type 'queue-scorrer' is not registered (did you mean "queue-scorer"?)`],
    ],
    [
      'a type for later',
      'plugins: [{type: lora-affinity-scorer}]',
      ["1:18: plugins[0].type: plugin type 'lora-affinity-scorer' is not supported yet"],
    ],
    [
      'an unknown parameter',
      'plugins: [{type: random-picker, parameters: {maxNumOfEndpoint: 1}}]',
      [
        '1:46: plugins[0].parameters.maxNumOfEndpoint: unknown key "maxNumOfEndpoint" (did you mean "maxNumOfEndpoints"?)',
      ],
    ],
    [
      'a parameter of the wrong type',
      'plugins:\n- type: random-picker\n  parameters:\n    MaxNumOfEndpoints: "3"\n',
      ['4:24: plugins[0].parameters.maxNumOfEndpoints: found "3", expected a number'],
    ],
    [
      'a parameter that is no integer',
      'plugins: [{type: random-picker, parameters: {maxNumOfEndpoints: 1.5}}]',
      ['1:65: plugins[0].parameters.maxNumOfEndpoints: found 1.5, expected a whole number'],
    ],
    [
      'a parameter out of range',
      'plugins: [{type: load-aware-scorer, parameters: {threshold: 0}}]',
      ['1:61: plugins[0].parameters.threshold: found 0, expected >=1'],
    ],
    [
      'a parameter not in the list',
      'plugins: [{type: metrics-data-source, parameters: {scheme: ftp}}]',
      ['1:60: plugins[0].parameters.scheme: found "ftp", expected "http" or "https"'],
    ],
    ['a missing parameter', 'plugins: [{type: file-discovery}]', ['1:11: plugins[0].parameters.path: is required']],
    [
      'parameters that are a list',
      'plugins: [{type: random-picker, parameters: [1]}]',
      ['1:45: plugins[0].parameters: found a list, expected a map of parameters'],
    ],
    [
      'a nested unknown parameter',
      'plugins: [{type: approx-prefix-cache-producer, parameters: {nested: {deep: [{size: 1, sise: 2}]}}}]',
      ['1:87: plugins[0].parameters.nested.deep[0].sise: unknown key "sise" (did you mean "size"?)'],
    ],
    [
      'a profile without name',
      `${P}schedulingProfiles: [{plugins: []}]`,
      ['2:22: schedulingProfiles[0]: schedulingProfiles[0] is missing a name'],
    ],
    [
      'an empty pluginRef',
      `${P}schedulingProfiles: [{name: p, plugins: [{weight: 1}]}]`,
      ["2:42: schedulingProfiles[0].plugins[0]: schedulingProfiles[p].plugins[0] is missing a 'pluginRef'"],
    ],
    [
      'an undeclared plugin',
      `${P}schedulingProfiles: [{name: p, plugins: [{pluginRef: random-picker}]}]`,
      [
        `2:54: schedulingProfiles[0].plugins[0].pluginRef: schedulingProfiles[p] references undefined plugin 'random-picker': add "- type: random-picker" to plugins`,
      ],
    ],
    [
      'a misspelled reference',
      `${P}schedulingProfiles: [{name: p, plugins: [{pluginRef: queue-score}]}]`,
      [
        `2:54: schedulingProfiles[0].plugins[0].pluginRef: schedulingProfiles[p] references undefined plugin 'queue-score' (did you mean "queue-scorer"?)`,
      ],
    ],
    [
      'two pickers in a profile',
      'plugins: [{type: random-picker, name: a}, {type: random-picker, name: b}]\nschedulingProfiles: [{name: p, plugins: [{pluginRef: a}, {pluginRef: b}]}]',
      [
        "2:58: schedulingProfiles[0].plugins[1]: failed to set 'b' as picker, already have a registered picker plugin 'a'",
      ],
    ],
    [
      'two pickers and no profile',
      'plugins: [{type: random-picker}, {type: max-score-picker}]',
      [
        "1:10: plugins: failed to set 'max-score-picker' as picker, already have a registered picker plugin 'random-picker'",
      ],
    ],
    [
      'two handlers',
      'plugins: [{type: single-profile-handler}, {type: header-profile-handler}]',
      [
        "1:10: plugins: multiple profile handlers found ('single-profile-handler','header-profile-handler'); only one is allowed",
      ],
    ],
    [
      'two profiles without handler',
      'schedulingProfiles: [{name: a}, {name: b}]',
      ['1:21: schedulingProfiles: no profile handler configured: two profiles need one'],
    ],
    [
      'two profiles of one name',
      'plugins: [{type: header-profile-handler}]\nschedulingProfiles: [{name: a}, {name: a}]',
      ["2:33: schedulingProfiles[1]: schedulingProfiles[1] has duplicate name 'a'"],
    ],
    [
      'two profiles for the single handler',
      'plugins: [{type: single-profile-handler}]\nschedulingProfiles: [{name: a}, {name: b}]',
      [
        '2:21: schedulingProfiles: SingleProfileHandler cannot support multiple scheduling profiles, found 2: leave one, or declare another handler',
      ],
    ],
    [
      'a source that is none',
      `${P}dataLayer: {sources: [{pluginRef: queue-scorer}]}`,
      ['2:35: dataLayer.sources[0].pluginRef: the plugin queue-scorer is not a data source but a scorer'],
    ],
    [
      'an extractor that is unknown',
      'plugins: [{type: metrics-data-source}]\ndataLayer: {sources: [{pluginRef: metrics-data-source, extractors: [{pluginRef: nope}]}]}',
      ['2:81: dataLayer.sources[0].extractors[0].pluginRef: the plugin nope is not registered'],
    ],
    [
      'no data sources at all',
      'dataLayer: {injectDefaults: false}',
      ['1:29: dataLayer.injectDefaults: data layer enabled but no data sources configured'],
    ],
    [
      'a syncer',
      'dataLayer: {crossReplicaSyncerPluginRef: x}',
      [
        '1:42: dataLayer.crossReplicaSyncerPluginRef: the plugin "x" is not a cross-replica syncer: none exists, leave the key out',
      ],
    ],
    [
      'unknown discovery',
      'dataLayer: {discovery: {pluginRef: x}}',
      ['1:36: dataLayer.discovery.pluginRef: discovery: no plugin found with name "x"'],
    ],
    [
      'discovery that is none',
      `${P}dataLayer: {discovery: {pluginRef: queue-scorer}}`,
      [
        '2:36: dataLayer.discovery.pluginRef: discovery: plugin "queue-scorer" does not implement EndpointDiscovery, it is a scorer',
      ],
    ],
    [
      'an unknown parser',
      'requestHandler: {parsers: [{pluginRef: openapi-parser}]}',
      [
        `1:40: requestHandler.parsers[0].pluginRef: plugin type 'openapi-parser' is not registered (did you mean "openai-parser"?)`,
      ],
    ],
    [
      'a parser for later',
      'requestHandler: {parsers: [{pluginRef: anthropic-parser}]}',
      ["1:40: requestHandler.parsers[0].pluginRef: parser 'anthropic-parser' is not supported yet"],
    ],
    [
      'a parser that is none',
      `${P}requestHandler: {parsers: [{pluginRef: queue-scorer}]}`,
      ['2:40: requestHandler.parsers[0].pluginRef: the plugin "queue-scorer" is not a parser plugin but a scorer'],
    ],
    [
      'an unknown detector',
      'flowControl: {saturationDetector: {pluginRef: x}}',
      ["1:47: flowControl.saturationDetector.pluginRef: saturation detector references undefined plugin 'x'"],
    ],
    [
      'a detector that is none',
      `${P}saturationDetector: {pluginRef: queue-scorer}`,
      ["2:33: saturationDetector.pluginRef: the plugin 'queue-scorer' is not a saturation detector but a scorer"],
    ],
    [
      'a quantity that is none',
      'flowControl: {maxBytes: lots}',
      [
        '1:25: flowControl.maxBytes: invalid quantity "lots": write a number and k, M, G, T or Ki, Mi, Gi, Ti, for example "4Mi"',
      ],
    ],
    [
      'negative quantities',
      'flowControl: {maxBytes: -1, defaultPriorityBand: {maxRequests: -2}, defaultNegativePriorityBand: {maxBytes: -1Ki}, priorityBands: [{}, {priority: -10, maxRequests: "-0.5"}]}',
      [
        '1:25: flowControl.maxBytes: global MaxBytes must be non-negative, got -1',
        '1:64: flowControl.defaultPriorityBand.maxRequests: default priority band MaxRequests must be non-negative, got -2',
        '1:109: flowControl.defaultNegativePriorityBand.maxBytes: default negative priority band MaxBytes must be non-negative, got -1024',
        '1:165: flowControl.priorityBands[1].maxRequests: priority band -10 MaxRequests must be non-negative, got -1',
      ],
    ],
    [
      'policies nobody declared',
      'flowControl: {usageLimitPolicyPluginRef: none, defaultPriorityBand: {orderingPolicyRef: edf-ordering-policy}, priorityBands: [{fairnessPolicyRef: round-robbin}]}\nplugins: [{type: round-robin-fairness-policy, name: round-robin}]',
      [
        '1:42: flowControl.usageLimitPolicyPluginRef: plugin "none" not found',
        '1:89: flowControl.defaultPriorityBand.orderingPolicyRef: plugin "edf-ordering-policy" not found: add "- type: edf-ordering-policy" to plugins',
        '1:147: flowControl.priorityBands[0].fairnessPolicyRef: plugin "round-robbin" not found (did you mean "round-robin"?)',
      ],
    ],
    [
      'policies that are none, or of another kind',
      `plugins: [{type: queue-scorer}, {type: edf-ordering-policy}]
flowControl: {usageLimitPolicyPluginRef: edf-ordering-policy, priorityBands: [{fairnessPolicyRef: queue-scorer, orderingPolicyRef: queue-scorer}]}`,
      [
        '2:42: flowControl.usageLimitPolicyPluginRef: plugin "edf-ordering-policy" does not implement UsageLimitPolicy: its kind is ordering-policy',
        '2:99: flowControl.priorityBands[0].fairnessPolicyRef: plugin "queue-scorer" does not implement FairnessPolicy: its kind is scorer',
        '2:132: flowControl.priorityBands[0].orderingPolicyRef: plugin "queue-scorer" does not implement OrderingPolicy: its kind is scorer',
      ],
    ],
    [
      'a bad duration',
      'flowControl: {defaultRequestTTL: 60}',
      ['1:34: flowControl.defaultRequestTTL: found 60, expected a string'],
    ],
    [
      'a negative duration',
      'flowControl: {defaultRequestTTL: -1s}',
      ['1:34: flowControl.defaultRequestTTL: DefaultRequestTTL cannot be negative, but got -1000ms'],
    ],
    [
      'a band given twice',
      'flowControl: {priorityBands: [{priority: 0}, {}]}',
      ['1:46: flowControl.priorityBands[1]: duplicate priority level 0'],
    ],
    [
      'an alpha plugin',
      'plugins: [{type: utilization-filter}]',
      [
        "1:11: plugins[0]: plugin 'utilization-filter' (type: 'utilization-filter') has Alpha stability level, but command line flag --allow-experimental-plugins is not set",
      ],
    ],
    [
      'data of a type for later',
      'plugins: [{type: latency-scorer}]',
      ["1:11: plugins[0]: plugin type 'predicted-latency-producer' is not supported yet"],
    ],
    [
      'data whose default producer needs parameters',
      'plugins: [{type: session-affinity-scorer, parameters: {producer: session-id-producer}}]',
      [
        '1:11: plugins[0]: no default producer found for missing data key SessionIDDataKey/session-id-producer, consumed by session-affinity-scorer: add "- type: session-id-producer" to plugins, whose parameters must have exactly one of headerName and cookieName',
      ],
    ],
    [
      'data that any producer may make and none does',
      'plugins: [{type: session-affinity-scorer}]',
      [
        '1:11: plugins[0]: no default producer found for missing data key agent-identity/, consumed by session-affinity-scorer: add "- type: agent-identity" to plugins',
      ],
    ],
    [
      'data of a named producer nobody declared',
      'plugins: [{type: other-prefix-scorer}]',
      [
        "1:11: plugins[0]: no default producer found for missing data key PrefixCacheMatchInfoDataKey/cpu-producer, consumed by other-prefix-scorer: declare a producer of it named 'cpu-producer', for example of type approx-prefix-cache-producer",
      ],
    ],
    [
      'plugins that need each other',
      'plugins: [{type: left-producer}]',
      [
        '1:10: plugins: cycle detected: graph is not a DAG (left-producer -> right-producer -> left-producer need each other)',
      ],
    ],
  ])('is refused for %s', (_what, text, errors) => {
    expect(errorsOf(text)).toEqual(errors.map((line) => `test.yaml:${line}`));
  });

  it('tells everything at once', () => {
    const lines = errorsOf(`${HEAD}featureGates: [x]
plugin: []
plugins:
- {type: queue-scorrer}
- {type: random-picker, parameters: {a: 1, maxNumOfEndpoints: no}}
- {type: file-discovery, parameters: {watchFile: 1}}
schedulingProfiles:
- {name: p, plugins: [{pluginRef: queue-scorrer}, {pluginRef: gone}]}
`);
    expect(lines.map((line) => line.split(': ')[0])).toEqual(
      ['4:1', '3:16', '6:10', '7:38', '7:63', '8:38', '8:50', '10:63'].map((at) => `test.yaml:${at}`),
    );
  });

  it('refuses a type that defaults need and the catalog lacks', () => {
    const lines = errorsOf(P, { without: ['max-score-picker'] });
    expect(lines).toEqual(
      ["test.yaml: schedulingProfiles: plugin type 'max-score-picker' is not supported yet"].map((line) =>
        line.replace('test.yaml:', 'test.yaml:1:1:'),
      ),
    );
  });

  it('is refused when it is huge or nested deeply', () => {
    expect(errorsOf(`#${'x'.repeat(1024 * 1024)}`)).toEqual([
      'test.yaml:1:1: the text is longer than 1048576 characters',
    ]);
    expect(errorsOf('['.repeat(100_000))).not.toEqual([]);
    expect(errorsOf('&a [*a]')).not.toEqual([]);
  });

  it('stops telling after fifty', () => {
    const lines = errorsOf(`featureGates: [${'x,'.repeat(51)}]`);
    expect(lines).toHaveLength(51);
    expect(lines.at(-1)).toBe('and 1 more');
    expect(errorsOf(`featureGates: [${'x,'.repeat(50)}]`)).toHaveLength(50);
  });

  it('never fails in another way than by its own error', () => {
    const pieces = [
      '- ',
      '\n',
      ': ',
      '{',
      '}',
      '[',
      ']',
      '"',
      "'",
      '&a',
      '*a',
      '<<',
      '!!',
      '|',
      '#',
      '\t',
      '---',
      '0',
      '-1',
      '.nan',
      'null',
      'plugins',
      'type',
      '__proto__',
      'constructor',
    ];
    const edit = tuple(
      integer({ min: 0, max: BUILT_IN_CONFIG.length }),
      integer({ min: 0, max: 12 }),
      constantFrom(...pieces),
    );
    assert(
      property(edit, edit, edit, (...edits) => {
        let text = BUILT_IN_CONFIG;
        for (const [at, length, piece] of edits) text = text.slice(0, at) + piece + text.slice(at + length);
        for (const line of errorsOf(text)) {
          expect(line).toMatch(/^(test\.yaml:\d+:\d+: |and \d+ more$)/);
          expect(line).not.toContain('\n');
        }
      }),
      { numRuns: 1000 },
    );
  });
});
