import type { PluginDefinition } from '../core/plugin.ts';
import { fileDiscovery } from '../discovery/file.ts';
import { PLUGINS } from '../plugins/catalog.ts';
import { coreMetricsExtractor, modelsDataExtractor } from '../scrape/extractors.ts';
import { metricsDataSource, modelsDataSource } from '../scrape/sources.ts';

/** Every plugin type a configuration may name. */
export const CATALOG: ReadonlyMap<string, PluginDefinition> = new Map(
  [...PLUGINS, metricsDataSource, modelsDataSource, coreMetricsExtractor, modelsDataExtractor, fileDiscovery].map(
    (definition) => [definition.type, definition],
  ),
);
