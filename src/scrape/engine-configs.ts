import { BUILT_IN_ENGINES, type Engine, engineAt, PARALLEL, type SignalName, type Where } from './engines.ts';
import { parseMetricSpec } from './metric-spec.ts';

/** An engine in the configuration: `engineConfigs[]` of `core-metrics-extractor`. */
export interface EngineConfig {
  readonly name: string;
  readonly queuedRequestsSpec?: string | undefined;
  readonly runningRequestsSpec?: string | undefined;
  readonly kvUsageSpec?: string | undefined;
  readonly loraSpec?: string | undefined;
  readonly cacheInfoSpec?: string | undefined;
  readonly cacheBlockSizeLabelName?: string | undefined;
  readonly cacheNumBlocksLabelName?: string | undefined;
  readonly cacheBlockSizeSpec?: string | undefined;
  readonly cacheNumBlocksSpec?: string | undefined;
  readonly customMetrics?: readonly { readonly attributeKey: string; readonly metricSpec: string }[] | undefined;
}

/** Labels of `cacheInfoSpec` where none are named. Source: contract 4.3. */
const BLOCK_SIZE_LABEL = 'block_size';
const NUM_BLOCKS_LABEL = 'num_gpu_blocks';

/** The built-in engines with configured ones added; one with a built-in's name takes its place. */
export function mergeEngines(configs: readonly EngineConfig[]): readonly Engine[] {
  const engines = new Map(BUILT_IN_ENGINES.map((builtIn) => [builtIn.name, builtIn]));
  for (const config of configs) engines.set(config.name, engineOf(config));
  return [...engines.values()];
}

/** Compiles a configured engine; empty specs are left out. Throws `Error` for a spec that does not parse. */
export function engineOf(config: EngineConfig): Engine {
  const { loraSpec, customMetrics = [] } = config;
  const builtIn = BUILT_IN_ENGINES.find(({ name }) => name === config.name);
  return engineAt(
    config.name,
    {
      ...given('waiting', config.queuedRequestsSpec),
      ...given('running', config.runningRequestsSpec),
      ...given('kvUsage', config.kvUsageSpec),
      ...given(
        'blockTokens',
        config.cacheBlockSizeSpec,
        infoLabel(config, 'cacheBlockSizeLabelName', BLOCK_SIZE_LABEL),
      ),
      ...given('blockCount', config.cacheNumBlocksSpec, infoLabel(config, 'cacheNumBlocksLabelName', NUM_BLOCKS_LABEL)),
    },
    {
      lora: loraSpec ? { info: parseMetricSpec(loraSpec), per: PARALLEL } : undefined,
      attributes: customMetrics.map(({ attributeKey: key, metricSpec }) => ({
        key,
        metric: parseMetricSpec(metricSpec),
      })),
      // The server is the same whatever is read from its page.
      otherPath: builtIn?.otherPath,
      filtersByName: builtIn?.filtersByName,
    },
  );
}

function given(signal: SignalName, spec: string | undefined, others: Where[] = []): Record<string, readonly Where[]> {
  const places = spec ? [spec, ...others] : others;
  return places.length > 0 ? { [signal]: places } : {};
}

function infoLabel(
  config: EngineConfig,
  label: 'cacheBlockSizeLabelName' | 'cacheNumBlocksLabelName',
  otherwise: string,
): Where[] {
  return config.cacheInfoSpec ? [[config.cacheInfoSpec, config[label] || otherwise]] : [];
}
