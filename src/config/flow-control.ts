import { hasRole } from '../core/plugin.ts';
import type { Path } from './document.ts';
import type { Gates } from './gates.ts';
import type { Problems } from './problems.ts';
import type { Roster } from './roster.ts';
import type { Band, Envelope, FlowControl } from './schema.ts';

const DEFAULT_DETECTOR = 'utilization-detector';
/** Those that are meant where nobody names another. */
const POLICIES = ['fcfs-ordering-policy', 'global-strict-fairness-policy', 'static-usage-limit-policy'];
/** What the reference calls the kinds of policies that are named. */
const ROLES = {
  'ordering-policy': 'OrderingPolicy',
  'fairness-policy': 'FairnessPolicy',
  'usage-limit-policy': 'UsageLimitPolicy',
} as const;
const USAGE_LIMIT_PATH = ['flowControl', 'usageLimitPolicyPluginRef'];
const NOT_THERE =
  'flow control is NOT THERE YET: requests are NOT queued, and limits, bands, TTLs, policies and eviction have no ' +
  'effect; all that is left of it is that a full pool refuses negative priorities';

/**
 * Name of the saturation detector, which sheds low priorities with or without flow control. Undefined while the
 * catalog has no default one. Source: contract 2.5.
 */
export function resolveSaturationDetector(envelope: Envelope, roster: Roster, problems: Problems): string | undefined {
  const { saturationDetector: old, flowControl } = envelope;
  if (old !== undefined) {
    problems.warn(['saturationDetector'], '"saturationDetector" is deprecated: move it into "flowControl"', 'key');
  }
  const current = flowControl?.saturationDetector;
  const path = current === undefined ? ['saturationDetector'] : ['flowControl', 'saturationDetector'];
  const name = (current ?? old)?.pluginRef ?? '';
  if (name !== '' && name !== DEFAULT_DETECTOR) return checkDetector(name, [...path, 'pluginRef'], roster, problems);
  const injected = roster.inject(DEFAULT_DETECTOR, path);
  if (injected === undefined && name !== '') problems.warn(path, `'${name}' is not supported yet: nothing is shed`);
  return injected?.name;
}

/**
 * Checks the flow control settings, which nothing uses yet, and creates the policies the reference always has. Source:
 * contract 2.2 and 2.4 step 8. Mistakes are errors with the gate off, too: whoever turns it on should not find them.
 */
export function checkFlowControl(envelope: Envelope, gates: Gates, roster: Roster, problems: Problems): void {
  for (const policy of POLICIES) roster.inject(policy, ['flowControl']);
  const { flowControl } = envelope;
  if (gates.flowControl) problems.warn(['featureGates'], NOT_THERE, 'key');
  if (flowControl === undefined) return;
  if (!gates.flowControl && setsQueues(flowControl)) {
    const remedy = 'add flowControl to featureGates or remove them';
    problems.warn(
      ['flowControl'],
      `flowControl feature gate is disabled, so these settings are ignored: ${remedy}`,
      'key',
    );
  }
  checkDurations(flowControl, problems);
  checkCapacity('global', flowControl, ['flowControl'], problems);
  checkPolicy('usage-limit-policy', flowControl.usageLimitPolicyPluginRef, USAGE_LIMIT_PATH, roster, problems);
  for (const { band, label, path } of bandsOf(flowControl)) {
    checkCapacity(label, band, path, problems);
    const { fairnessPolicyRef: fairness, orderingPolicyRef: ordering } = band;
    checkPolicy('fairness-policy', fairness, [...path, 'fairnessPolicyRef'], roster, problems);
    checkPolicy('ordering-policy', ordering, [...path, 'orderingPolicyRef'], roster, problems);
  }
  const seen = new Set<number>();
  for (const [index, { priority = 0 }] of (flowControl.priorityBands ?? []).entries()) {
    if (seen.has(priority)) {
      problems.error(['flowControl', 'priorityBands', index], `duplicate priority level ${priority}`);
    }
    seen.add(priority);
  }
}

function checkDurations(flowControl: FlowControl, problems: Problems): void {
  for (const [key, label] of [
    ['defaultRequestTTL', 'DefaultRequestTTL'],
    ['noEndpointRequestTTL', 'NoEndpointRequestTTL'],
  ] as const) {
    const ttlMs = flowControl[key];
    if (ttlMs !== undefined && ttlMs < 0) {
      problems.error(['flowControl', key], `${label} cannot be negative, but got ${ttlMs}ms`);
    }
  }
}

interface LabelledBand {
  readonly band: Band;
  readonly label: string;
  readonly path: Path;
}

function bandsOf({
  defaultPriorityBand,
  defaultNegativePriorityBand,
  priorityBands = [],
}: FlowControl): LabelledBand[] {
  const bands: LabelledBand[] = priorityBands.map((band, index) => ({
    band,
    label: `priority band ${band.priority ?? 0}`,
    path: ['flowControl', 'priorityBands', index],
  }));
  const templates = [
    { band: defaultPriorityBand, label: 'default priority band', path: ['flowControl', 'defaultPriorityBand'] },
    {
      band: defaultNegativePriorityBand,
      label: 'default negative priority band',
      path: ['flowControl', 'defaultNegativePriorityBand'],
    },
  ];
  return [...templates.flatMap(({ band, ...rest }) => (band === undefined ? [] : [{ band, ...rest }])), ...bands];
}

function checkCapacity(
  label: string,
  limits: Pick<Band, 'maxBytes' | 'maxRequests'>,
  path: Path,
  problems: Problems,
): void {
  for (const [key, name] of [
    ['maxBytes', 'MaxBytes'],
    ['maxRequests', 'MaxRequests'],
  ] as const) {
    const value = limits[key];
    if (value !== undefined && value < 0) {
      problems.error([...path, key], `${label} ${name} must be non-negative, got ${value}`);
    }
  }
}

function checkPolicy(
  kind: keyof typeof ROLES,
  name: string | undefined,
  path: Path,
  roster: Roster,
  problems: Problems,
): void {
  if (name === undefined || name === '' || roster.isBroken(name)) return;
  const plugin = roster.get(name);
  if (plugin === undefined) {
    problems.error(path, `plugin "${name}" not found${roster.undefinedHint(name)}`);
  } else if (!hasRole(plugin.definition, kind)) {
    const wrong = `plugin "${name}" does not implement ${ROLES[kind]}`;
    problems.error(path, `${wrong}: its kind is ${plugin.definition.kind}`);
  }
}

function setsQueues(flowControl: FlowControl): boolean {
  return Object.keys(flowControl).some((key) => key !== 'saturationDetector' && key !== 'enableEviction');
}

function checkDetector(name: string, path: Path, roster: Roster, problems: Problems): string {
  const plugin = roster.get(name);
  if (plugin === undefined) {
    if (roster.isBroken(name)) return name;
    problems.error(path, `saturation detector references undefined plugin '${name}'${roster.undefinedHint(name)}`);
  } else if (!hasRole(plugin.definition, 'saturation-detector')) {
    problems.error(path, `the plugin '${name}' is not a saturation detector but a ${plugin.definition.kind}`);
  }
  return name;
}
