import { readPod } from '../discovery/kubernetes/pods.ts';
import { readPool, selectorText } from '../discovery/kubernetes/pool.ts';
import type { KubeObject } from '../kubernetes/api.ts';
import { POOL_GROUP } from './crds.ts';
import { type Finding, notesOf } from './finding.ts';
import { fields, list, text } from './fields.ts';
import type { PoolState, Visit } from './installation.ts';

/** The pool, its conditions, and the pods it selects. */
export async function checkPool(visit: Visit): Promise<{
  readonly findings: Finding[];
  readonly object?: KubeObject;
  readonly state?: PoolState;
}> {
  const { cluster, namespace, poolName } = visit;
  const { ok, error, skipped } = notesOf('pool');
  const path = `/apis/${POOL_GROUP}/v1/namespaces/${namespace}/inferencepools`;
  const look = await cluster.get(`${path}/${poolName}`);
  if (look.kind === 'unknown') return { findings: [skipped(look.why)] };
  if (look.kind === 'absent') {
    const others = await cluster.list(path);
    if (others.kind === 'absent') return { findings: [skipped('the cluster has no such kind')] };
    const names = others.kind === 'found' ? others.value.map(({ metadata }) => metadata?.name ?? '') : [];
    const there = names.length === 0 ? 'there is none' : `there is ${names.join(', ')}`;
    const message = `no InferencePool ${namespace}/${poolName}; in this namespace ${there}`;
    return { findings: [error(message, 'create it, or change --pool-name and --pool-namespace')] };
  }
  const object = look.value;
  const facts = readPool(object);
  if (facts === undefined) {
    const message = `InferencePool ${namespace}/${poolName} has no spec.selector.matchLabels or no spec.targetPorts`;
    return { findings: [error(message, 'write both')], object };
  }
  const found = ok(`InferencePool ${namespace}/${poolName}, target ports ${facts.ports.join(', ')}`);
  const pods = await cluster.list(`/api/v1/namespaces/${namespace}/pods`, selectorText(facts.matchLabels));
  if (pods.kind !== 'found') {
    const why = pods.kind === 'unknown' ? pods.why : 'the API server has no pods';
    return { findings: [found, ...conditions(object), notesOf('pods').skipped(why)], object };
  }
  const state = { facts, pods: pods.value.map(readPod) };
  return { findings: [found, ...conditions(object), ...podsOf(state)], object, state };
}

/** What gateways say about the pool. Source: Gateway API Inference Extension, `status.parents`. */
function conditions(pool: KubeObject): Finding[] {
  const { ok, warning, error } = notesOf('pool status');
  const parents = list(fields(pool['status'])['parents']);
  if (parents.length === 0) {
    return [
      warning(
        'no gateway has said anything about the pool: it serves no route of a gateway',
        'make an HTTPRoute with this InferencePool as its backend, and see that istiod runs with ENABLE_GATEWAY_API_INFERENCE_EXTENSION=true',
      ),
    ];
  }
  return parents.flatMap((parent) => {
    const gateway = text(fields(parent['parentRef'])['name']) || 'gateway';
    const said = list(parent['conditions']);
    const bad = said.filter(
      ({ type, status }) => (type === 'Accepted' || type === 'ResolvedRefs') && status !== 'True',
    );
    if (bad.length === 0)
      return [ok(`${gateway}: ${said.map(({ type }) => text(type)).join(', ') || 'no conditions'}`)];
    return bad.map(({ type, status, reason, message }) =>
      error(
        `${gateway}: ${text(type)} is ${text(status)} (${text(reason)}): ${text(message)}`,
        type === 'Accepted'
          ? 'see the status of the HTTPRoute: its gateway has not accepted it'
          : 'make spec.endpointPickerRef name a Service that exists',
      ),
    );
  });
}

function podsOf({ facts, pods }: PoolState): Finding[] {
  const { ok, warning, error } = notesOf('pods');
  const selector = selectorText(facts.matchLabels);
  if (pods.length === 0) {
    return [error(`no pod matches ${selector}`, "make spec.selector.matchLabels match the model servers' labels")];
  }
  const waiting = pods.filter(({ ready }) => !ready).map(({ name }) => name);
  if (waiting.length === 0) return [ok(`${pods.length} match ${selector}, all ready`)];
  const names = `${waiting.slice(0, 5).join(', ')}${waiting.length > 5 ? ', ...' : ''}`;
  const message = `${waiting.length} of ${pods.length} pods are not ready and get no requests: ${names}`;
  const fix = `kubectl describe pod ${waiting[0]}: see its readiness probe and events`;
  return [waiting.length === pods.length ? error(message, fix) : warning(message, fix)];
}
