import type { DataKey } from '../core/data.ts';
import type { HealthSettings } from '../core/health.ts';
import type { TrustSettings } from '../core/metrics-trust.ts';
import type { PluginDefinition, PluginNeed } from '../core/plugin.ts';
import type { Path } from './document.ts';
import type { Gates } from './gates.ts';

/** Plugin definitions by type. */
export type Catalog = ReadonlyMap<string, PluginDefinition>;

/** A plugin instance to create. */
export interface ResolvedPlugin {
  /** Unique in the configuration. */
  readonly name: string;
  /** As the configuration spells it; a deprecated alias stays. */
  readonly type: string;
  readonly definition: PluginDefinition;
  /** Output of the definition's schema. */
  readonly parameters: unknown;
  /** Whether the text lists it or a default asked for it. */
  readonly origin: 'declared' | 'injected';
  /** Where the text declares it. */
  readonly path: Path | undefined;
  /** None of them open. */
  readonly consumes: readonly DataKey<unknown>[];
  readonly produces: readonly DataKey<unknown>[];
  readonly needs: readonly PluginNeed[];
}

/** A filter, scorer or picker in a profile, in the order the profile lists them. */
export interface ResolvedProfilePlugin {
  readonly name: string;
  /** Counts for scorers only. */
  readonly weight: number;
}

export interface ResolvedProfile {
  readonly name: string;
  /** Exactly one of them is a picker. */
  readonly plugins: readonly ResolvedProfilePlugin[];
}

/** A data source and what reads from it, by instance name. */
export interface ResolvedSource {
  readonly source: string;
  readonly extractors: readonly string[];
}

/** A configuration with every default filled in and every reference known to hold. */
export interface ResolvedConfig {
  /** What others need comes before them, otherwise declared ones in the order of the text, then injected ones. */
  readonly plugins: readonly ResolvedPlugin[];
  readonly profiles: readonly ResolvedProfile[];
  /** Name of the profile handler. */
  readonly handler: string;
  /** Names of parsers in the order they are asked, no two of one type. */
  readonly parsers: readonly string[];
  /** Name of the discovery plugin; without one, endpoints come from Kubernetes. */
  readonly discovery: string | undefined;
  /** Name of the saturation detector; undefined while the catalog has none. */
  readonly saturationDetector: string | undefined;
  readonly sources: readonly ResolvedSource[];
  readonly gates: Gates;
  readonly health: HealthSettings;
  readonly metricsTrust: TrustSettings;
  /** One line each, with its place. */
  readonly warnings: readonly string[];
}
