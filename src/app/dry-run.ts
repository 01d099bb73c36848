import type { ResolvedConfig } from '../config/resolved.ts';
import { ConfigError } from '../core/errors.ts';
import { allocateColumns } from '../datastore/columns.ts';
import { EndpointTable } from '../datastore/endpoint-table.ts';
import { seededRandom } from '../lib/random.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { bindPluginDuration, pluginMeter } from '../telemetry/plugin-metrics.ts';
import { systemClock, systemTimers } from './clock.ts';
import { createGeneration } from './generation.ts';
import { systemHttpClient } from './http-client.ts';

/** Nothing is waited for. */
const DEADLINE_MS = 1000;

/**
 * Makes every plugin of a configuration and joins them as a start would, over an empty pool, and lets go of them. What
 * a start would refuse comes back as the error. Opens no port and starts no thread.
 */
export function dryRun(config: ResolvedConfig): ConfigError | undefined {
  const metrics = new Metrics({ processMetrics: false });
  try {
    const { instances } = createGeneration(config, {
      instances: {
        endpoints: new EndpointTable(allocateColumns()),
        clock: systemClock,
        timers: systemTimers,
        random: seededRandom(1),
        http: systemHttpClient,
        answerDeadlineMs: DEADLINE_MS,
        meter: (plugin) => pluginMeter(metrics, plugin),
        debug() {},
      },
      scheduler: {
        clock: systemClock,
        timers: systemTimers,
        answerDeadlineMs: DEADLINE_MS,
        bindDuration: bindPluginDuration(metrics),
        minPicks: 1,
        decisionListener: () => undefined,
        onProducerFault() {},
      },
    });
    instances.closeBefore(undefined);
    return undefined;
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}
