import type { EndpointSpec } from '../core/endpoint.ts';
import { endpointsOf } from '../discovery/kubernetes/pods.ts';
import { joinHostPort } from '../lib/host-port.ts';
import { type Finding, notesOf } from './finding.ts';
import type { PickerPod, PoolState, Visit } from './installation.ts';
import { GO_INSIDE, type Reach, reach } from './reach.ts';

/** More are not tried: what is wrong with a pool shows in its first endpoints. */
const MAX_TRIED = 64;

/** What became of connecting to an endpoint. */
export interface TriedEndpoint {
  readonly endpoint: EndpointSpec;
  readonly result: Reach;
}

/** Connects to the target ports of ready pods. */
export function tryEndpoints(
  { namespace, timeoutMs }: Visit,
  { facts, pods }: PoolState,
): Promise<readonly TriedEndpoint[]> {
  const endpoints = pods.flatMap((pod) => endpointsOf(pod, namespace, facts.ports)).slice(0, MAX_TRIED);
  return Promise.all(
    endpoints.map(async (endpoint) => ({ endpoint, result: await reach(endpoint.address, endpoint.port, timeoutMs) })),
  );
}

/**
 * Whether this is on the network of the pods: in one, or where some pod accepts a connection. Elsewhere nothing can be
 * said of those that do not, since a firewall between may refuse as well as stay silent.
 */
export async function isNear(
  { isInside, timeoutMs }: Visit,
  tried: readonly TriedEndpoint[],
  pickers: readonly PickerPod[],
): Promise<boolean> {
  if (isInside || tried.some(({ result }) => result.kind === 'open')) return true;
  const results = await Promise.all(pickers.map(({ address, grpcPort }) => reach(address, grpcPort, timeoutMs)));
  return results.some(({ kind }) => kind === 'open');
}

/** Whether somebody listens on the target ports. */
export function judgePorts(tried: readonly TriedEndpoint[], near: boolean): Finding[] {
  const { ok, warning, error, skipped } = notesOf('target ports');
  if (tried.length === 0) return [skipped('no pod is ready')];
  const of = (kind: Reach['kind']): TriedEndpoint[] => tried.filter(({ result }) => result.kind === kind);
  const [open, refused, silent] = [of('open'), of('refused'), of('silent')];
  if (!near) {
    const [{ result }] = tried;
    const why = result.kind === 'silent' ? result.why : result.kind;
    return [warning(`no connection to ${shown(tried)}: ${why}`, GO_INSIDE)];
  }
  const findings: Finding[] = [];
  if (open.length > 0) findings.push(ok(`${open.length} of ${tried.length} endpoints accept connections`));
  if (refused.length > 0) {
    const fix = 'make spec.targetPorts of the pool the port the model server listens on';
    findings.push(error(`nobody listens at ${shown(refused)}`, fix));
  }
  if (silent.length > 0) {
    findings.push(error(`no answer from ${shown(silent)}`, 'look for a NetworkPolicy, or a node that is gone'));
  }
  return findings;
}

function shown(endpoints: readonly TriedEndpoint[]): string {
  const names = endpoints
    .slice(0, 3)
    .map(({ endpoint: { podName, address, port } }) => `${joinHostPort(address, port)} (${podName})`);
  return names.join(', ') + (endpoints.length > 3 ? ` and ${endpoints.length - 3} more` : '');
}
