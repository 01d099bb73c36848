import { describe, expect, it } from 'vitest';
import { CATALOG } from '../../src/app/catalog.ts';
import { configErrorsOf } from '../kit/config-errors.ts';
import { resolveConfig } from '../../src/config/resolve.ts';
import type { ResolvedConfig } from '../../src/config/resolved.ts';

const resolve = (text: string, allowExperimental = true): ResolvedConfig =>
  resolveConfig(text, { source: 'test.yaml', catalog: CATALOG, allowExperimental });

const errorsOf = (text: string, allowExperimental = true): readonly string[] =>
  configErrorsOf(() => resolve(text, allowExperimental));

const names = ({ plugins }: ResolvedConfig): string[] => plugins.map(({ name }) => name);
const HEAD = 'apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n';
const NOT_THERE =
  'flow control is NOT THERE YET: requests are NOT queued, and limits, bands, TTLs, policies and eviction have no effect; all that is left of it is that a full pool refuses negative priorities';

const FLOW_CONTROL = `plugins:
- {type: queue-scorer}
- {type: kv-cache-utilization-scorer}
- {type: prefix-cache-scorer}
- {type: round-robin-fairness-policy}
- {type: fcfs-ordering-policy}
- {type: concurrency-detector, parameters: {maxConcurrency: 132, concurrencyMode: requests, headroom: 0.0}}
schedulingProfiles:
- {name: default, plugins: [{pluginRef: queue-scorer, weight: 2}, {pluginRef: kv-cache-utilization-scorer, weight: 2}, {pluginRef: prefix-cache-scorer, weight: 3}]}
flowControl:
  saturationDetector: {pluginRef: concurrency-detector}
  maxBytes: "10Gi"
  maxRequests: "1k"
  defaultRequestTTL: "60s"
  priorityBands:
  - {priority: 100, maxRequests: "500", fairnessPolicyRef: round-robin-fairness-policy, orderingPolicyRef: fcfs-ordering-policy}
  - {priority: 0,   maxRequests: "200", fairnessPolicyRef: round-robin-fairness-policy, orderingPolicyRef: fcfs-ordering-policy}
  - {priority: -10, maxRequests: "50",  fairnessPolicyRef: round-robin-fairness-policy, orderingPolicyRef: fcfs-ordering-policy}
`;

describe('flow control (S5)', () => {
  it('loads with one loud warning while the gate is on', () => {
    const config = resolve(`${HEAD}featureGates: [flowControl]\n${FLOW_CONTROL}`);
    expect(config.saturationDetector).toBe('concurrency-detector');
    expect(config.warnings).toEqual([`test.yaml:3:1: featureGates: ${NOT_THERE}`]);
    expect(names(config)).toEqual(
      expect.arrayContaining(['global-strict-fairness-policy', 'static-usage-limit-policy']),
    );
  });

  it('loads with the warning of the reference while the gate is off', () => {
    expect(resolve(HEAD + FLOW_CONTROL).warnings).toEqual([
      'test.yaml:12:1: flowControl: flowControl feature gate is disabled, so these settings are ignored: add flowControl to featureGates or remove them',
    ]);
  });

  it('may be ceilings for priorities, where experimental plugins are allowed', () => {
    const text = `${HEAD}featureGates:
- flowControl
plugins:
- type: queue-scorer
- type: soft-reflective-ceiling-policy
schedulingProfiles:
- name: default
  plugins:
  - {pluginRef: queue-scorer, weight: 2.0}
flowControl:
  usageLimitPolicyPluginRef: soft-reflective-ceiling-policy
`;
    expect(resolve(text).warnings).toEqual([`test.yaml:3:1: featureGates: ${NOT_THERE}`]);
    expect(errorsOf(text, false)).toEqual([
      "test.yaml:7:3: plugins[1]: plugin 'soft-reflective-ceiling-policy' (type: 'soft-reflective-ceiling-policy') has Alpha stability level, but command line flag --allow-experimental-plugins is not set",
    ]);
    expect(errorsOf(text.replace('ceiling-policy\nsched', 'ceiling-policy\n  parameters: {x: 1}\nsched'))).toEqual([
      'test.yaml:8:15: plugins[1].parameters: must be empty: there are no parameters',
    ]);
  });

  it('may be fairness between programs, in the old group', () => {
    const config = resolve(`apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
plugins:
- type: program-aware-fairness
- type: queue-scorer
- type: max-score-picker
- type: single-profile-handler
featureGates:
- flowControl
flowControl:
  defaultPriorityBand:
    fairnessPolicyRef: program-aware-fairness
schedulingProfiles:
- name: default
  plugins: [{pluginRef: queue-scorer}, {pluginRef: max-score-picker}]
`);
    expect(config.warnings).toHaveLength(2);
    expect(config.warnings[1]).toBe(`test.yaml:8:1: featureGates: ${NOT_THERE}`);
  });

  it('tells what a holdback lacks, and where', () => {
    expect(errorsOf('plugins:\n- {type: priority-holdback-policy}\n')).toEqual([
      'test.yaml:2:3: plugins[0].parameters.minCeiling: is required',
    ]);
    expect(
      errorsOf('plugins:\n- {type: priority-holdback-policy, parameters: {minCeiling: 0.9, maxCeiling: 0.8}}\n'),
    ).toEqual(['test.yaml:2:61: plugins[0].parameters.minCeiling: must be less than maxCeiling']);
  });
});

describe('other samples', () => {
  it('admit by chance (S7)', () => {
    const config = resolve(`apiVersion: inference.networking.x-k8s.io/v1alpha1
kind: EndpointPickerConfig
plugins:
- {type: probabilistic-admitter}
- {type: random-picker}
- {type: utilization-detector, parameters: {queueDepthThreshold: 999999999, kvCacheUtilThreshold: 1.0}}
flowControl: {saturationDetector: {pluginRef: utilization-detector}}
schedulingProfiles: [{name: default, plugins: [{pluginRef: random-picker}]}]
`);
    expect(config.warnings).toHaveLength(1);
    expect(names(config)).toContain('probabilistic-admitter');
  });

  it('do not look at payloads (S10), where experimental plugins are allowed', () => {
    const text = `${HEAD}plugins:
- {type: passthrough-parser}
- {type: active-request-scorer}
- {type: session-affinity-scorer}
schedulingProfiles: [{name: default, plugins: [{pluginRef: active-request-scorer, weight: 1}, {pluginRef: session-affinity-scorer, weight: 1}]}]
requestHandler: {parsers: [{pluginRef: passthrough-parser}]}
`;
    expect(resolve(text).warnings).toEqual([]);
    expect(errorsOf(text, false)).toHaveLength(1);
  });

  it('list a reporter under a profile (S12)', () => {
    const config = resolve(`${HEAD}plugins:
- type: openai-parser
- type: request-attribute-reporter
  name: cost
  parameters:
    attributes:
    - key: {name: x-gateway-inference-request-cost}
      expression: usage.prompt_tokens + usage.completion_tokens
      condition: has(usage.prompt_tokens) && has(usage.completion_tokens)
schedulingProfiles: [{name: default, plugins: [{pluginRef: openai-parser}, {pluginRef: cost}]}]
requestHandler: {parsers: [{pluginRef: openai-parser}]}
`);
    expect(config.warnings.at(-1)).toBe(
      "test.yaml:12:76: schedulingProfiles[0].plugins[1]: 'cost' is a hook, not a filter, scorer or picker: ignored in a profile",
    );
  });
});

describe('a wrong configuration', () => {
  it.each<[what: string, plugin: string, error: string]>([
    [
      'a reporter without parameters',
      '{type: request-attribute-reporter}',
      '2:3: plugins[0].parameters.attributes: is required',
    ],
    [
      'an expression that cannot be read',
      '{type: request-attribute-reporter, parameters: {attributes: [{key: {name: x}, expression: "usage.prompt_tokens +"}]}}',
      '2:93: plugins[0].parameters.attributes[0].expression: must be valid CEL: 1:22: Unexpected token: EOF',
    ],
    [
      'an expression of the wrong type',
      '{type: request-attribute-reporter, parameters: {attributes: [{key: {name: x}, expression: "1", condition: "1 + 1"}]}}',
      '2:109: plugins[0].parameters.attributes[0].condition: must yield a bool, not int',
    ],
    [
      'a condition that is no text',
      '{type: request-attribute-reporter, parameters: {attributes: [{key: {name: x}, expression: "1", condition: true}]}}',
      '2:109: plugins[0].parameters.attributes[0].condition: found true, expected "" or string',
    ],
    [
      'a session producer that reads nothing',
      '{type: session-id-producer}',
      '2:3: plugins[0].parameters: must have exactly one of headerName and cookieName',
    ],
    [
      'sessions of a producer nobody declared',
      '{type: session-affinity-scorer, parameters: {strategy: session_id, sessionIdConfig: {sources: [{attribute: SessionIDDataKey, producer: session-id-producer}]}}}',
      '2:3: plugins[0]: no default producer found for missing data key SessionIDDataKey/session-id-producer, consumed by session-affinity-scorer: add "- type: session-id-producer" to plugins, whose parameters must have exactly one of headerName and cookieName',
    ],
    [
      'sessions of agents nobody knows',
      '{type: session-affinity-filter, parameters: {strategy: session_id, sessionIdConfig: {sources: [{attribute: agent-identity}]}}}',
      '2:3: plugins[0]: no default producer found for missing data key agent-identity/, consumed by session-affinity-filter: add "- type: agent-identity" to plugins',
    ],
    [
      'a source that names two places',
      '{type: session-affinity-filter, parameters: {sessionIdConfig: {sources: [{header: a}, {header: a, attribute: agent-identity}]}}}',
      '2:89: plugins[0].parameters.sessionIdConfig.sources[1]: must have exactly one of header and attribute',
    ],
    [
      'a header no client can send',
      '{type: agent-identity, parameters: {additionalSessionHeaders: [x-ok, "x bad"]}}',
      '2:72: plugins[0].parameters.additionalSessionHeaders[1]: must be the name of a header, for example "x-session-id"',
    ],
    [
      'an admitter that admits nobody',
      '{type: probabilistic-admitter, parameters: {queueDepthThreshold: 0}}',
      '2:68: plugins[0].parameters.queueDepthThreshold: must be more than 0',
    ],
  ])('is told its place: %s', (_what, plugin, error) => {
    expect(errorsOf(`plugins:\n- ${plugin}\n`)).toEqual([`test.yaml:${error}`]);
  });
});
