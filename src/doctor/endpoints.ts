import type { EndpointSpec } from '../core/endpoint.ts';
import { endpointsOf } from '../discovery/kubernetes/pods.ts';
import { joinHostPort } from '../lib/host-port.ts';
import { type Finding, notesOf } from './finding.ts';
import type { PoolState, Visit } from './installation.ts';
import { reach } from './reach.ts';

/** More are not tried: what is wrong with a pool shows in its first endpoints. */
const MAX_TRIED = 64;

/** Whether somebody listens on the target ports of ready pods, and where. */
export async function checkPorts(
  { namespace, timeoutMs, isInside }: Visit,
  { facts, pods }: PoolState,
): Promise<{ readonly findings: Finding[]; readonly open: readonly EndpointSpec[] }> {
  const { ok, warning, error, skipped } = notesOf('target ports');
  const endpoints = pods.flatMap((pod) => endpointsOf(pod, namespace, facts.ports)).slice(0, MAX_TRIED);
  if (endpoints.length === 0) return { findings: [skipped('no pod is ready')], open: [] };
  const tried = await Promise.all(
    endpoints.map(async (endpoint) => ({ endpoint, result: await reach(endpoint.address, endpoint.port, timeoutMs) })),
  );
  const open = tried.filter(({ result }) => result.kind === 'open').map(({ endpoint }) => endpoint);
  const refused = tried.filter(({ result }) => result.kind === 'refused').map(({ endpoint }) => endpoint);
  const silent = tried.flatMap(({ endpoint, result }) =>
    result.kind === 'silent' ? [{ endpoint, why: result.why }] : [],
  );
  const findings: Finding[] = [];
  if (open.length > 0) findings.push(ok(`${open.length} of ${endpoints.length} endpoints accept connections`));
  if (refused.length > 0) {
    const message = `nobody listens at ${shown(refused)}`;
    findings.push(error(message, 'make spec.targetPorts of the pool the port the model server listens on'));
  }
  if (silent.length > 0) {
    const message = `no connection to ${shown(silent.map(({ endpoint }) => endpoint))}: ${silent[0].why}`;
    // A machine outside that reaches some pods is on their network; one that reaches none most often is not.
    findings.push(
      isInside || open.length > 0
        ? error(message, 'look for a NetworkPolicy, or a node that is gone')
        : warning(message, 'run pointsman doctor in a pod of the cluster to know: pods cannot be reached from here'),
    );
  }
  return { findings, open };
}

function shown(endpoints: readonly EndpointSpec[]): string {
  const names = endpoints
    .slice(0, 3)
    .map(({ podName, address, port }) => `${joinHostPort(address, port)} (${podName})`);
  return names.join(', ') + (endpoints.length > 3 ? ` and ${endpoints.length - 3} more` : '');
}
