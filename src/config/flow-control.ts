import { hasRole } from '../core/plugin.ts';
import type { Path } from './document.ts';
import type { Gates } from './gates.ts';
import type { Problems } from './problems.ts';
import type { Roster } from './roster.ts';
import type { Envelope, FlowControl } from './schema.ts';

const DEFAULT_DETECTOR = 'utilization-detector';
const POLICIES = ['fcfs-ordering-policy', 'global-strict-fairness-policy', 'static-usage-limit-policy'];

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

/** Checks the flow control settings, which nothing uses yet, and creates the policies the reference always has. */
export function checkFlowControl(envelope: Envelope, gates: Gates, roster: Roster, problems: Problems): void {
  for (const policy of POLICIES) roster.inject(policy, ['flowControl']);
  const { flowControl } = envelope;
  if (gates.flowControl) {
    problems.warn(['featureGates'], 'flow control is not supported yet: requests are not queued', 'key');
  }
  if (flowControl === undefined) return;
  if (!gates.flowControl && setsQueues(flowControl)) {
    const remedy = 'add flowControl to featureGates or remove them';
    problems.warn(
      ['flowControl'],
      `flowControl feature gate is disabled, so these settings are ignored: ${remedy}`,
      'key',
    );
  }
  for (const [key, label] of [
    ['defaultRequestTTL', 'DefaultRequestTTL'],
    ['noEndpointRequestTTL', 'NoEndpointRequestTTL'],
  ] as const) {
    const ttlMs = flowControl[key];
    if (ttlMs !== undefined && ttlMs < 0) {
      problems.error(['flowControl', key], `${label} cannot be negative, but got ${ttlMs}ms`);
    }
  }
  const seen = new Set<number>();
  for (const [index, { priority = 0 }] of (flowControl.priorityBands ?? []).entries()) {
    if (seen.has(priority)) {
      problems.error(['flowControl', 'priorityBands', index], `duplicate priority level ${priority}`);
    }
    seen.add(priority);
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
