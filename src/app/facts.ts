import type { ResolvedConfig } from '../config/resolved.ts';
import type { EndpointTable } from '../datastore/endpoint-table.ts';
import type { Objectives } from '../datastore/objectives.ts';
import type { ModelRewrites } from '../datastore/rewrites.ts';
import { type FileDiscoverySettings, startFileDiscovery } from '../discovery/file.ts';
import { startObjectsFile } from '../discovery/objects.ts';
import type { DiscoverySource } from '../discovery/source.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Instances } from './instances.ts';
import type { PickerSettings } from './settings.ts';

/** What facts flow into and who hears about trouble. */
export interface FactParts {
  readonly config: ResolvedConfig;
  readonly instances: Instances;
  readonly table: EndpointTable;
  readonly settings: PickerSettings;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/**
 * Starts the discovery plugin the configuration names; resolves after its first load, when the table is filled. Rejects
 * when that load fails.
 */
export async function startDiscovery({ config, instances, table, metrics, log }: FactParts): Promise<DiscoverySource> {
  const settings = instances.get('discovery', config.discovery ?? '').instance as FileDiscoverySettings;
  return startFileDiscovery(settings, {
    log,
    sink: {
      replace(specs) {
        const change = table.replace(specs);
        log.info({ ...change, endpoints: table.all.length }, 'endpoints loaded');
        if (change.refused > 0) log.error(change, 'the pool is larger than the endpoint table; the rest is left out');
      },
    },
    onReloadError: () => metrics.counter('config_reload_errors_total').inc({ file: 'endpoints' }),
  });
}

/** Where objectives and model rewrites come from and go to. */
export interface ObjectParts {
  readonly path: string;
  readonly poolName: string;
  readonly objectives: Objectives;
  readonly rewrites: ModelRewrites;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** Starts following the objects file; resolves after its first load, rejects when that finds anything wrong. */
export function startObjects(parts: ObjectParts): Promise<{ close(): Promise<void> }> {
  const { path, poolName, metrics, log } = parts;
  return startObjectsFile({
    path,
    poolName,
    log,
    sink: {
      replace(objectives, rewrites) {
        parts.objectives.replace(objectives);
        parts.rewrites.replace(rewrites);
        log.info({ objectives: objectives.length, rewrites: rewrites.length }, 'objects loaded');
      },
    },
    onReloadError: () => metrics.counter('config_reload_errors_total').inc({ file: 'objects' }),
  });
}
