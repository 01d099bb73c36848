import * as v from 'valibot';
import type { SourceDocument } from './document.ts';
import { decode, isRecord } from './decode.ts';
import { HEALTH } from './health.ts';
import { METRICS_TRUST } from './metrics-trust.ts';
import { type Problems, show } from './problems.ts';
import { durationMs, quantity } from './units.ts';

const KIND = 'EndpointPickerConfig';
const API_VERSION = 'llm-d.ai/v1alpha1';
const OLD_API_VERSION = 'inference.networking.x-k8s.io/v1alpha1';

const reference = v.object({ pluginRef: v.optional(v.string()) });

const band = v.object({
  priority: v.optional(v.pipe(v.number(), v.integer())),
  maxBytes: v.optional(quantity),
  maxRequests: v.optional(quantity),
  fairnessPolicyRef: v.optional(v.string()),
  orderingPolicyRef: v.optional(v.string()),
});

const flowControl = v.object({
  maxBytes: v.optional(quantity),
  maxRequests: v.optional(quantity),
  defaultRequestTTL: v.optional(durationMs),
  noEndpointRequestTTL: v.optional(durationMs),
  defaultPriorityBand: v.optional(band),
  defaultNegativePriorityBand: v.optional(band),
  priorityBands: v.optional(v.array(band)),
  usageLimitPolicyPluginRef: v.optional(v.string()),
  saturationDetector: v.optional(reference),
  enableEviction: v.optional(v.boolean()),
});

const dataLayer = v.object({
  injectDefaults: v.optional(v.boolean(), true),
  sources: v.optional(
    v.array(v.object({ pluginRef: v.optional(v.string()), extractors: v.optional(v.array(reference), []) })),
    [],
  ),
  discovery: v.optional(reference),
  peerDiscovery: v.optional(reference),
  crossReplicaSyncerPluginRef: v.optional(v.string()),
  crossReplicaSyncInterval: v.optional(durationMs),
});

/** The shape of a whole configuration; contract 2.2. */
export const ENVELOPE = v.object({
  apiVersion: v.optional(v.string()),
  kind: v.optional(v.string()),
  featureGates: v.optional(v.array(v.string()), []),
  plugins: v.optional(
    v.array(
      v.object({ name: v.optional(v.string()), type: v.optional(v.string()), parameters: v.optional(v.unknown()) }),
    ),
    [],
  ),
  schedulingProfiles: v.optional(
    v.array(
      v.object({
        name: v.optional(v.string()),
        plugins: v.optional(
          v.array(v.object({ pluginRef: v.optional(v.string()), weight: v.optional(v.number()) })),
          [],
        ),
      }),
    ),
    [],
  ),
  dataLayer: v.optional(dataLayer, {}),
  flowControl: v.optional(flowControl),
  requestHandler: v.optional(v.object({ parsers: v.optional(v.array(reference), []) }), {}),
  saturationDetector: v.optional(reference),
  parser: v.optional(reference),
  health: v.optional(HEALTH),
  metricsTrust: v.optional(METRICS_TRUST),
});

/** A configuration whose keys and value types are right; nothing it refers to has been looked up. */
export type Envelope = v.InferOutput<typeof ENVELOPE>;
export type FlowControl = v.InferOutput<typeof flowControl>;
export type Band = v.InferOutput<typeof band>;

/** Checks the shape of a whole configuration. Source: contract 2.1 and 2.2. Undefined after reporting problems. */
export function readEnvelope(document: SourceDocument, problems: Problems): Envelope | undefined {
  const { value } = document;
  if (!isRecord(value)) {
    problems.error([], `found ${show(value)}, expected a map with "plugins" and "schedulingProfiles"`);
    return undefined;
  }
  checkVersion(value, problems);
  return decode(ENVELOPE, value, [], { ignoreCase: false }, problems);
}

/** Missing `apiVersion` or `kind` stands for the current one, as it does for the reference. */
function checkVersion(value: Readonly<Record<string, unknown>>, problems: Problems): void {
  const kind = value.kind ?? KIND;
  const version = value.apiVersion ?? API_VERSION;
  // Other types are left to the schema, which says what was found.
  if (typeof kind !== 'string' || typeof version !== 'string') return;
  if (version === OLD_API_VERSION && kind === KIND) {
    problems.warn(['apiVersion'], `"${OLD_API_VERSION}" is deprecated: write "${API_VERSION}"`);
  } else if (version !== API_VERSION || kind !== KIND) {
    const at = kind === KIND ? 'apiVersion' : 'kind';
    const right = `write "${API_VERSION}" and "${KIND}"`;
    problems.error([at], `no kind ${show(kind)} is registered for version ${show(version)}: ${right}`);
  }
}
