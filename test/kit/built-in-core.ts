import { loadConfig } from '../../src/app/config.ts';
import { buildCore, type PickerCore } from '../../src/app/core.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { TEST_SETTINGS } from './picker.ts';
import { endpointSpec, scraped } from './pool.ts';

/** The deciding part of a picker with the built-in configuration and idle endpoints; the caller closes it. */
export async function builtInCore(endpoints: number): Promise<PickerCore> {
  const { config } = await loadConfig({ file: undefined, text: undefined, allowExperimental: false });
  const core = buildCore(config, TEST_SETTINGS, new Metrics({ processMetrics: false }), createLog('error'));
  core.table.replace(Array.from({ length: endpoints }, (_, index) => endpointSpec(index)));
  for (const slot of core.table.all) scraped(core.table, slot, {});
  return core;
}
