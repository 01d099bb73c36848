import type { PluginDefinition } from '../core/plugin.ts';
import { fileDiscovery } from '../discovery/file.ts';
import { PLUGINS } from '../plugins/catalog.ts';
import { coreMetricsExtractor, metricsDataSource } from '../scrape/plugins.ts';

/** Every plugin type a configuration may name. */
export const CATALOG: ReadonlyMap<string, PluginDefinition> = new Map(
  [...PLUGINS, metricsDataSource, coreMetricsExtractor, fileDiscovery].map((definition) => [
    definition.type,
    definition,
  ]),
);
