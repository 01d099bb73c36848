import { describe, expect, it } from 'vitest';
import { CATALOG } from '../../src/app/catalog.ts';
import { diagnoseConfig } from '../../src/config/resolve.ts';

/** A place in the texts below, which the messages are to name. */
const MARK = /<(\d)>/g;

/**
 * What is said of a configuration, one line each, with the marks of its text for places. Each of `plugins` is an entry of
 * the list, in YAML's flow style.
 */
function said(plugins: readonly string[], dataLayer: string) {
  const marked = `plugins: [${plugins.join(', ')}]\ndataLayer: ${dataLayer}\n`;
  const text = marked.replaceAll(MARK, '');
  const marks = new Map<string, string>();
  for (const [line, each] of marked.split('\n').entries()) {
    let removed = 0;
    for (const { 0: mark, index } of each.matchAll(MARK)) {
      marks.set(`${line + 1}:${index - removed + 1}`, mark);
      removed += mark.length;
    }
  }
  const { config, problems } = diagnoseConfig(text, { source: 'f', catalog: CATALOG, allowExperimental: true });
  const lines = problems.map(({ severity, position, path, message }) => {
    const place = position === undefined ? '' : `${position.line}:${position.column}`;
    return `${severity} ${marks.get(place) ?? place} ${path}: ${message}`;
  });
  return { config, lines };
}

const METRICS = ['{type: metrics-data-source}', '{type: core-metrics-extractor}'];
const MODELS = ['{type: models-data-source}', '{type: models-data-extractor}'];
const EVENTS = '{type: endpoint-notification-source}';
const TOPOLOGY = '{type: topology-extractor}';
const METRICS_ENTRY = '{pluginRef: metrics-data-source, extractors: [{pluginRef: core-metrics-extractor}]}';
const pods = (name: string, version = 'v1'): string =>
  `{type: k8s-notification-source, name: ${name}, parameters: {version: ${version}, kind: Pod}}`;

describe('data layers that are right', () => {
  it.each([
    [
      'metrics and models',
      [...METRICS, ...MODELS],
      `{sources: [${METRICS_ENTRY}, {pluginRef: models-data-source, extractors: [{pluginRef: models-data-extractor}]}]}`,
    ],
    [
      'endpoint events for extractors and producers',
      [EVENTS, TOPOLOGY, '{type: approx-prefix-cache-producer}'],
      '{sources: [{pluginRef: endpoint-notification-source, extractors: [{pluginRef: topology-extractor}, {pluginRef: approx-prefix-cache-producer}]}]}',
    ],
    ['declared parts of the default source', METRICS, '{}'],
    ['an extractor that brings its source', [TOPOLOGY], '{injectDefaults: false}'],
    [
      'scorers with what they judge by',
      [...METRICS, '{type: queue-scorer}', '{type: kv-cache-utilization-scorer}'],
      '{}',
    ],
  ])('%s', (_, plugins, dataLayer) => {
    const { config, lines } = said(plugins, dataLayer);
    expect(lines).toEqual([]);
    expect(config).toBeDefined();
  });

  it('a renamed metrics extractor still produces what scorers judge by', () => {
    const { lines } = said(
      ['{type: metrics-data-source, name: s}', '{type: core-metrics-extractor, name: e}', '{type: queue-scorer}'],
      '{injectDefaults: false, sources: [{pluginRef: s, extractors: [{pluginRef: e}]}]}',
    );
    expect(lines).toEqual([]);
  });
});

describe('data layers that are wrong', () => {
  it.each([
    [
      'an extractor on a source it cannot read',
      [...METRICS, ...MODELS],
      '{sources: [{pluginRef: metrics-data-source, extractors: [{pluginRef: <1>models-data-extractor}]}]}',
      [
        "error <1> dataLayer.sources[0].extractors[0].pluginRef: 'models-data-extractor' reads lists of models, and 'metrics-data-source' has metrics pages: list it with another source",
      ],
    ],
    [
      'a producer on a source it cannot read',
      [...METRICS, '{type: approx-prefix-cache-producer}'],
      '{sources: [{pluginRef: metrics-data-source, extractors: [{pluginRef: <1>approx-prefix-cache-producer}]}]}',
      [
        "error <1> dataLayer.sources[0].extractors[0].pluginRef: 'approx-prefix-cache-producer' reads endpoint events, and 'metrics-data-source' has metrics pages: list it with another source",
      ],
    ],
    [
      'two extractors of one type',
      [
        '{type: metrics-data-source}',
        '{type: core-metrics-extractor, name: a}',
        '{type: core-metrics-extractor, name: b}',
      ],
      '{sources: [{pluginRef: metrics-data-source, extractors: [{pluginRef: a}, {pluginRef: <1>b}]}]}',
      [
        "error <1> dataLayer.sources[0].extractors[1].pluginRef: duplicate extractor type configured for the same source: 'a' and 'b' are of one type (core-metrics-extractor)",
      ],
    ],
    [
      'one extractor twice',
      METRICS,
      '{sources: [{pluginRef: metrics-data-source, extractors: [{pluginRef: core-metrics-extractor}, {pluginRef: <1>core-metrics-extractor}]}]}',
      [
        "error <1> dataLayer.sources[0].extractors[1].pluginRef: duplicate extractor type configured for the same source: 'core-metrics-extractor' is listed twice (core-metrics-extractor)",
      ],
    ],
    [
      'one source twice',
      METRICS,
      `{sources: [${METRICS_ENTRY}, {pluginRef: <1>metrics-data-source}]}`,
      [
        "error <1> dataLayer.sources[1].pluginRef: duplicate source name 'metrics-data-source': list its extractors in one place",
      ],
    ],
    [
      'two sources of the same objects',
      [...METRICS, pods('a'), pods('b'), pods('c', 'v2')],
      `{sources: [${METRICS_ENTRY}, {pluginRef: a}, {pluginRef: c}, {pluginRef: <1>b}]}`,
      ["error <1> dataLayer.sources[3].pluginRef: duplicate notification source GVK /v1, Kind=Pod: 'a' has it already"],
    ],
    [
      'objects without a kind',
      ['{type: k8s-notification-source, parameters: <1>{version: v1}}'],
      '{}',
      ['error <1> plugins[0].parameters.kind: is required'],
    ],
    [
      'objects without a version',
      ['{type: k8s-notification-source, parameters: {version: <1>"", kind: Pod}}'],
      '{}',
      ['error <1> plugins[0].parameters.version: must not be empty'],
    ],
    [
      'parts that come later',
      ['{type: <1>dcgm-data-source}', '{type: <2>dcgm-extractor}', '{type: <3>multicluster-metrics-extractor}'],
      '{}',
      [
        "error <1> plugins[0].type: plugin type 'dcgm-data-source' is not supported yet",
        "error <2> plugins[1].type: plugin type 'dcgm-extractor' is not supported yet",
        "error <3> plugins[2].type: plugin type 'multicluster-metrics-extractor' is not supported yet",
      ],
    ],
    [
      'an engine nobody configured, and specs',
      [
        '{type: core-metrics-extractor, parameters: {defaultEngine: <3>x, engineConfigs: [{name: <1>default}, {name: a}, <2>{name: a}]}}',
      ],
      '{}',
      [
        "error <1> plugins[0].parameters.engineConfigs[0].name: the name 'default' is reserved",
        'error <2> plugins[0].parameters.engineConfigs[2]: the name "a" is used twice',
        'error <3> plugins[0].parameters.defaultEngine: defaultEngine "x" not found in engineConfigs',
      ],
    ],
    [
      'an unknown default engine',
      ['{type: core-metrics-extractor, parameters: {engineConfigs: [{name: a}], defaultEngine: <1>x}}'],
      '{}',
      ['error <1> plugins[0].parameters.defaultEngine: defaultEngine "x" not found in engineConfigs'],
    ],
    [
      'nothing at all',
      ['{type: queue-scorer}'],
      '{injectDefaults: <1>false}',
      ['error <1> dataLayer.injectDefaults: data layer enabled but no data sources configured'],
    ],
  ])('%s', (_, plugins, dataLayer, expected) => {
    expect(said(plugins, dataLayer).lines).toEqual(expected);
  });
});

describe('data layers that come to nothing', () => {
  it.each([
    [
      'a source without extractors',
      ['{type: metrics-data-source}', '<2>{type: core-metrics-extractor}'],
      '{sources: [<1>{pluginRef: metrics-data-source}]}',
      [
        "warning <1> dataLayer.sources[0]: 'metrics-data-source' has no extractors: nothing is fetched",
        "warning <2> plugins[1]: 'core-metrics-extractor' is not in dataLayer.sources: it reads nothing",
      ],
    ],
    [
      'parts that no source lists',
      ['<1>{type: models-data-source}', '<2>{type: models-data-extractor}'],
      '{}',
      [
        "warning <1> plugins[0]: 'models-data-source' is not in dataLayer.sources: nothing is fetched",
        "warning <2> plugins[1]: 'models-data-extractor' is not in dataLayer.sources: it reads nothing",
      ],
    ],
    [
      'Kubernetes objects without Kubernetes',
      [pods('a'), '{type: file-discovery, parameters: {path: /e.yaml}}'],
      '{discovery: {pluginRef: file-discovery}, sources: [<1>{pluginRef: a}]}',
      ["warning <1> dataLayer.sources[0]: 'a' is inactive: endpoints do not come from Kubernetes"],
    ],
    [
      'Kubernetes objects for nobody',
      [pods('a')],
      '{sources: [<1>{pluginRef: a}]}',
      ["warning <1> dataLayer.sources[0]: 'a' has no extractors: nothing is fetched"],
    ],
    [
      'two sources of the same signals',
      [...METRICS, '{type: metrics-data-source, name: b}'],
      `{sources: [${METRICS_ENTRY}, <1>{pluginRef: b, extractors: [{pluginRef: core-metrics-extractor}]}]}`,
      [
        "warning <1> dataLayer.sources[1]: 'b' and 'metrics-data-source' are both read by a core-metrics-extractor: each writes over what the other says of an endpoint",
      ],
    ],
    [
      'judges without what they judge by',
      [
        EVENTS,
        TOPOLOGY,
        '<1>{type: queue-scorer}',
        '<2>{type: running-requests-size-scorer}',
        '<3>{type: utilization-detector}',
      ],
      '{injectDefaults: false, sources: [{pluginRef: endpoint-notification-source, extractors: [{pluginRef: topology-extractor}]}]}',
      [
        "warning <3> plugins[4]: without schedulingProfiles 'utilization-detector' also filters out full endpoints: write schedulingProfiles without it to keep those",
        "warning <1> plugins[2]: 'queue-scorer' judges by WaitingQueueSize/core-metrics-extractor, which nothing here provides: all endpoints look the same to it",
        "warning <2> plugins[3]: 'running-requests-size-scorer' judges by RunningRequestsSize/core-metrics-extractor, which nothing here provides: all endpoints look the same to it",
        "warning <3> plugins[4]: 'utilization-detector' judges by WaitingQueueSize/core-metrics-extractor, KVCacheUsagePercent/core-metrics-extractor, which nothing here provides: all endpoints look the same to it",
      ],
    ],
    [
      'a judge whose metrics nobody extracts',
      ['{type: metrics-data-source}', '<2>{type: core-metrics-extractor}', '<3>{type: kv-cache-utilization-scorer}'],
      '{sources: [<1>{pluginRef: metrics-data-source}]}',
      [
        "warning <1> dataLayer.sources[0]: 'metrics-data-source' has no extractors: nothing is fetched",
        "warning <2> plugins[1]: 'core-metrics-extractor' is not in dataLayer.sources: it reads nothing",
        "warning <3> plugins[2]: 'kv-cache-utilization-scorer' judges by KVCacheUsagePercent/core-metrics-extractor, which nothing here provides: all endpoints look the same to it",
      ],
    ],
  ])('%s', (_, plugins, dataLayer, expected) => {
    const { config, lines } = said(plugins, dataLayer);
    expect(lines).toEqual(expected);
    expect(config).toBeDefined();
  });
});
