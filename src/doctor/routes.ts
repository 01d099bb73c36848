import type { KubeObject } from '../kubernetes/api.ts';
import { POOL_GROUP } from './crds.ts';
import { type Finding, notesOf } from './finding.ts';
import { type Fields, fields, list, text } from './fields.ts';
import type { Visit } from './installation.ts';

const ROOT = '/apis/gateway.networking.k8s.io/v1';
const GATEWAY_LABEL = 'gateway.networking.k8s.io/gateway-name';

/** A gateway a route hangs on, `namespace/name`. */
type GatewayName = string;

/** Whether routes lead to the pool, and whether something on them makes gateways pass the picker by. */
export async function checkRoutes(visit: Visit): Promise<Finding[]> {
  const { skipped, warning } = notesOf('routes');
  const look = await visit.cluster.listAll(ROOT, 'httproutes', visit.namespace);
  if (look.kind === 'absent') return [skipped('the cluster has no HTTPRoute')];
  if (look.kind === 'unknown') return [skipped(look.why)];
  const routes = look.value.filter((route) => poolsOf(route).has(`${visit.namespace}/${visit.poolName}`));
  if (routes.length === 0) {
    const fix = `add to a rule of an HTTPRoute: backendRefs: [{group: ${POOL_GROUP}, kind: InferencePool, name: ${visit.poolName}}]`;
    return [warning(`no HTTPRoute has the pool ${visit.poolName} as a backend`, fix)];
  }
  const gateways = [...new Set(routes.flatMap(gatewaysOf))];
  const pods = await Promise.all(gateways.map((gateway) => gatewayPods(visit, gateway)));
  return [
    ...routes.flatMap(judgeRoute),
    ...(await grpcRoutes(visit)),
    ...gateways.flatMap((gateway) => sharing(gateway, look.value)),
    ...pods.flat(),
  ];
}

/** Routes of gRPC, which Istio sends to a pool without asking its picker. Source: contract `wire-protocol.md` 9.1. */
async function grpcRoutes({ cluster, namespace, poolName: pool }: Visit): Promise<Finding[]> {
  const { error } = notesOf('routes');
  const look = await cluster.listAll(ROOT, 'grpcroutes', namespace);
  if (look.kind !== 'found') return [];
  return look.value
    .filter((route) => poolsOf(route).has(`${namespace}/${pool}`))
    .map((route) =>
      error(`GRPCRoute ${nameOf(route)} leads to the pool, and Istio asks no picker for it`, 'make it an HTTPRoute'),
    );
}

/** What is wrong with one route. */
export function judgeRoute(route: KubeObject): Finding[] {
  const { ok, error } = notesOf('routes');
  const named = nameOf(route);
  const findings = list(fields(route['spec'])['rules']).flatMap((rule, at): Finding[] => {
    const pools = new Set(backends(rule).map((ref) => poolName(ref, route)));
    if (pools.size === 0) return [];
    const where = `rule ${at + 1} of HTTPRoute ${named}`;
    const found: Finding[] = [];
    for (const filter of bypassing(rule)) {
      const message = `${where} has ${filter}: Istio drops the rule's call to the picker, and requests are sent round robin`;
      found.push(error(message, 'put it on a rule without an InferencePool, or in front of the gateway'));
    }
    if (pools.size > 1) {
      const message = `${where} has ${pools.size} pools (${[...pools].join(', ')}): only the picker of the last one is asked, and it names servers of its own pool`;
      found.push(error(message, 'one pool to a rule'));
    }
    return found;
  });
  findings.push(...refusals(route, named));
  return findings.length === 0 ? [ok(`HTTPRoute ${named} on ${gatewaysOf(route).join(', ')}`)] : findings;
}

function refusals(route: KubeObject, named: string): Finding[] {
  const { error } = notesOf('routes');
  return list(fields(route['status'])['parents']).flatMap((parent) =>
    list(parent['conditions'])
      .filter(({ type, status }) => (type === 'Accepted' || type === 'ResolvedRefs') && status === 'False')
      .map(({ type, reason, message }) =>
        error(
          `HTTPRoute ${named}: ${text(type)} is False (${text(reason)}): ${text(message)}`,
          reason === 'InvalidKind'
            ? 'run istiod with ENABLE_GATEWAY_API_INFERENCE_EXTENSION=true'
            : 'correct what the message names',
        ),
      ),
  );
}

/** Filters by which Istio's route loses its call to the picker. Source: `config/istio/README.md`, measured. */
function bypassing(rule: Fields): string[] {
  const filters = [...list(rule['filters']), ...list(rule['backendRefs']).flatMap((ref) => list(ref['filters']))];
  return filters.flatMap((filter) => {
    const type = text(filter['type']);
    const { kind, name } = fields(filter['extensionRef']);
    if (type === 'CORS') return ['a CORS filter'];
    const isFault = /fault/i.test(`${type} ${text(kind)} ${text(name)}`);
    return isFault ? [`a fault filter (${text(name) || type})`] : [];
  });
}

/** Other pools on the same gateway through other routes. */
function sharing(gateway: GatewayName, routes: readonly KubeObject[]): Finding[] {
  const { warning } = notesOf('gateway');
  const there = routes.filter((route) => poolsOf(route).size > 0 && gatewaysOf(route).includes(gateway));
  const pools = new Set(there.flatMap((route) => [...poolsOf(route)]));
  if (there.length < 2 || pools.size < 2) return [];
  const message = `${gateway} has ${pools.size} pools in ${there.length} HTTPRoutes (${[...pools].join(', ')}): with an Istio that lacks istio/istio#58393, only the first route's picker is asked`;
  const fix = 'update Istio; or all pools in one HTTPRoute, a rule for each; or a Gateway for each';
  return [warning(message, fix)];
}

async function gatewayPods({ cluster }: Visit, gateway: GatewayName): Promise<Finding[]> {
  const { ok, error, warning, skipped } = notesOf('gateway');
  const [namespace, name] = gateway.split('/');
  const there = await cluster.get(`${ROOT}/namespaces/${namespace}/gateways/${name}`);
  if (there.kind === 'unknown') return [skipped(there.why)];
  if (there.kind === 'absent') {
    return [error(`there is no Gateway ${gateway}`, "create it, or correct the route's parentRefs")];
  }
  const look = await cluster.list(`/api/v1/namespaces/${namespace}/pods`, `${GATEWAY_LABEL}=${name}`);
  if (look.kind !== 'found') return [skipped(look.kind === 'unknown' ? look.why : 'no pods')];
  if (look.value.length > 0) return [ok(`${gateway}: ${look.value.length} pods with the label ${GATEWAY_LABEL}`)];
  const message = `no pod in ${namespace} has the label ${GATEWAY_LABEL}=${name}: gateway pods without it never ask the picker, and answer 200`;
  const fix = "put the label on the gateway's pods, or see why its Deployment has none";
  // A class of another name may be another gateway's, which knows its pods by other means.
  const isIstio = text(fields(there.value['spec'])['gatewayClassName']).startsWith('istio');
  return [isIstio ? error(message, fix) : warning(`${message}, if this gateway is Istio's`, fix)];
}

function backends(rule: Fields): readonly Fields[] {
  return list(rule['backendRefs']).filter(({ kind, group }) => kind === 'InferencePool' && group === POOL_GROUP);
}

function poolsOf(route: KubeObject): ReadonlySet<string> {
  const rules = list(fields(route['spec'])['rules']);
  return new Set(rules.flatMap(backends).map((ref) => poolName(ref, route)));
}

function poolName(ref: Fields, { metadata }: KubeObject): string {
  return `${text(ref['namespace']) || (metadata?.namespace ?? '')}/${text(ref['name'])}`;
}

function gatewaysOf(route: KubeObject): GatewayName[] {
  return list(fields(route['spec'])['parentRefs'])
    .filter(({ kind }) => kind === undefined || kind === 'Gateway')
    .map(({ name, namespace }) => `${text(namespace) || (route.metadata?.namespace ?? '')}/${text(name)}`);
}

function nameOf({ metadata }: KubeObject): string {
  return `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
}
