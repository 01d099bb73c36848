import { afterEach, describe, expect, it } from 'vitest';
import { CATALOG } from '../../src/app/catalog.ts';
import { buildCore, type PickerCore } from '../../src/app/core.ts';
import { configErrorsOf } from '../kit/config-errors.ts';
import { resolveConfig } from '../../src/config/resolve.ts';
import type { ResolvedConfig } from '../../src/config/resolved.ts';
import { NO_METADATA } from '../../src/request/exchange.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { headersOf } from '../kit/headers.ts';
import { TEST_SETTINGS } from '../kit/picker.ts';
import { endpointSpec, scraped } from '../kit/pool.ts';

const cores: PickerCore[] = [];

afterEach(() => {
  for (const core of cores.splice(0)) core.close();
});

const resolved = (text: string): ResolvedConfig =>
  resolveConfig(text, { source: 'test.yaml', catalog: CATALOG, allowExperimental: true });

const errorsOf = (text: string): readonly string[] => configErrorsOf(() => resolved(text));

type Labels = Readonly<Record<string, string>>;

/** Index of the endpoint that each of 40 requests goes to, or the code it is refused with. */
function route(config: string | ResolvedConfig, labels: readonly Labels[], headers: Labels = {}): (number | string)[] {
  const parts = typeof config === 'string' ? resolved(config) : config;
  const core = buildCore(parts, TEST_SETTINGS, new Metrics({ processMetrics: false }), createLog('error'));
  cores.push(core);
  core.table.replace(labels.map((each, index) => endpointSpec(index, { labels: each })));
  for (const slot of core.table.all) scraped(core.table, slot, {});
  const requestHeaders = headersOf({ ':path': '/v1/chat/completions', 'x-request-id': 'r', ...headers });
  return Array.from({ length: 40 }, (_, i) => {
    const exchange = core.director.open(requestHeaders);
    const outcome = exchange.decide(
      [Buffer.from(`{"model":"m","messages":[{"role":"user","content":"hello ${i}"}]}`)],
      NO_METADATA,
    );
    if (outcome instanceof Promise) throw new Error('nobody had to be waited for');
    const first = outcome.kind === 'picked' ? outcome.destination.split(',')[0] : '';
    const index = core.table.all.findIndex((slot) => core.table.at(slot)?.hostPort === first);
    exchange.end('complete');
    return outcome.kind === 'picked' ? index : outcome.rejection.code;
  });
}

/** Where they go, each endpoint once. */
function targets(...args: Parameters<typeof route>): (number | string)[] {
  return [...new Set(route(...args))].toSorted((a, b) => (a < b ? -1 : 1));
}

const profile = (...refs: string[]): string =>
  `schedulingProfiles: [{name: p, plugins: [${refs.map((ref) => `{pluginRef: ${ref}}`).join(', ')}]}]`;

const role = (text: string) => ({ 'llm-d.ai/role': text });
const POOL = [role('prefill'), role('decode'), role('both')];
const CONTROL = `plugins: [{type: random-picker}]\n${profile('random-picker')}`;

describe('with the catalog of the product', () => {
  it('requests go everywhere without a filter', () => {
    expect(targets(CONTROL, POOL)).toEqual([0, 1, 2]);
  });

  it.each([
    ['decode-filter', [1, 2]],
    ['prefill-filter', [0, 2]],
    ['encode-filter', ['ResourceExhausted']],
  ])('%s decides', (type, expected) => {
    const text = `plugins: [{type: ${type}}, {type: random-picker}]\n${profile(type, 'random-picker')}`;
    expect(targets(text, POOL)).toEqual(expected);
  });

  it('label-selector-filter decides, also under its old name', () => {
    const text = (type: string): string => `plugins:
- {type: ${type}, name: mine, parameters: {matchLabels: {llm-d.ai/role: decode}}}
- {type: random-picker}
${profile('mine', 'random-picker')}`;
    expect(targets(text('label-selector-filter'), POOL)).toEqual([1]);
    const old = resolved(text('by-label-selector'));
    expect(old.warnings).toEqual([
      "test.yaml:2:10: plugins[0].type: plugin type 'by-label-selector' is deprecated: write 'label-selector-filter'",
    ]);
    expect(targets(old, POOL)).toEqual([1]);
  });

  it('a plugin that filters and scores does both where a profile names it once', () => {
    const text = (filters: boolean): string => `plugins:
- {type: context-length-aware, parameters: {enableFiltering: ${filters}}}
- {type: random-picker}
${profile('context-length-aware', 'random-picker')}`;
    const pool: Labels[] = [{}, { 'llm-d.ai/context-length-range': 'bad' }];
    expect(targets(text(true), pool)).toEqual([0]);
    expect(targets(text(false), pool)).toEqual([0, 1]);
  });

  it('header-label-affinity-scorer decides, and does not without the header', () => {
    const text = `plugins: [{type: header-label-affinity-scorer, parameters: {headerName: X-Tier, labelKey: tier}}]
${profile('header-label-affinity-scorer')}`;
    const pool: Labels[] = [{ tier: 'tin' }, { tier: 'gold' }, {}];
    expect(targets(text, pool, { 'x-tier': 'gold' })).toEqual([1]);
    expect(targets(text, pool)).toEqual([0, 1, 2]);
  });

  it.each(['filter', 'scorer'])(
    'topology-affinity-%s has a stage near the one before, with no extractor declared',
    (kind) => {
      const text = (...nearness: string[]): string => `plugins:
- {type: disagg-profile-handler, parameters: {stageOrder: prefill-first}}
- {type: prefill-filter}
- {type: decode-filter}
- {type: random-picker}
- {type: max-score-picker}
${nearness.map((type) => `- {type: ${type}}\n`).join('')}schedulingProfiles:
- {name: prefill, plugins: [{pluginRef: prefill-filter}, {pluginRef: random-picker}]}
- {name: decode, plugins: [{pluginRef: decode-filter}, ${nearness.map((type) => `{pluginRef: ${type}}, `).join('')}{pluginRef: max-score-picker}]}`;
      const on = (host: string, stage: string) => ({ ...role(stage), 'kubernetes.io/hostname': host });
      const pool = [on('h1', 'prefill'), on('h1', 'decode'), on('h2', 'decode'), on('h3', 'decode')];
      const near = resolved(text(`topology-affinity-${kind}`));
      expect(near.warnings).toEqual([]);
      expect(near.plugins.map(({ name }) => name)).toContain('topology-extractor');
      expect(targets(near, pool)).toEqual([1]);
      expect(targets(text(), pool)).toEqual([1, 2, 3]);
    },
  );

  it('topology affinity without stages makes no handler of stages, and that is told', () => {
    const config = resolved(`plugins: [{type: topology-affinity-scorer}]\n${profile('topology-affinity-scorer')}`);
    expect(config.handler).toBe('single-profile-handler');
    expect(config.warnings).toEqual([
      "test.yaml:1:11: plugins[0]: 'topology-affinity-scorer' judges by peer-endpoint/disagg-profile-handler, which nothing here provides: all endpoints look the same to it",
    ]);
    expect(targets(config, [{}, {}])).toEqual([0, 1]);
  });

  it('an attribute nobody provides is told, and one that is built in passes', () => {
    const text = (attribute: string): string => `plugins:
- {type: endpoint-attribute-scorer, parameters: {attributeKey: ${attribute}, algorithm: {type: linear_lower_is_better}}}
${profile('endpoint-attribute-scorer')}`;
    expect(resolved(text('KVCacheUsagePercent')).warnings).toEqual([]);
    expect(resolved(text('depth')).warnings).toEqual([
      "test.yaml:2:3: plugins[0]: 'endpoint-attribute-scorer' judges by depth/core-metrics-extractor, which nothing here provides: all endpoints look the same to it",
    ]);
  });

  it('no-hit-lru-scorer sends new prompts round', () => {
    const text = `plugins: [{type: no-hit-lru-scorer}]\n${profile('no-hit-lru-scorer')}`;
    expect(route(text, [{}, {}, {}]).slice(0, 7)).toEqual([0, 1, 2, 0, 1, 2, 0]);
  });

  it('a saturation detector without profiles becomes a filter, and that is told', () => {
    const config = resolved('plugins: [{type: utilization-detector, name: mine}]');
    expect(config.profiles[0].plugins.map(({ name }) => name)).toEqual(['mine', 'max-score-picker']);
    expect(config.warnings).toEqual([
      "test.yaml:1:11: plugins[0]: without schedulingProfiles 'mine' also filters out full endpoints: write schedulingProfiles without it to keep those",
    ]);
  });

  it('nothing that needs predictions starts without a word', () => {
    const scorer = resolved(`plugins: [{type: latency-scorer}]\n${profile('latency-scorer')}`);
    expect(scorer.plugins.map(({ type }) => type)).not.toContain('predicted-latency-producer');
    expect(scorer.warnings).toEqual([
      'test.yaml:1:11: plugins[0]: predicted-latency-producer is not supported yet: scores by KV cache, queue and prefix instead',
    ]);
    expect(
      errorsOf(`plugins:
- {type: latency-scorer, parameters: {latencyPredictionInfoProducerName: predicted-latency-producer}}
- {type: prefix-cache-affinity-filter, parameters: {maxTTFTPenaltyMs: 0, ttftSource: latencyPredictor}}`),
    ).toEqual([
      'test.yaml:2:74: plugins[0].parameters.latencyPredictionInfoProducerName: must be empty: predicted-latency-producer is not supported yet',
      'test.yaml:3:86: plugins[1].parameters.ttftSource: must be prefillThroughput: latencyPredictor needs predicted-latency-producer, which is not supported yet',
    ]);
  });
});
