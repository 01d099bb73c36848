import { type Finding, notesOf } from './finding.ts';
import { fields, list, text } from './fields.ts';
import type { Visit } from './installation.ts';

export const POOL_GROUP = 'inference.networking.k8s.io';
const OBJECT_GROUPS = ['llm-d.ai', 'inference.networking.x-k8s.io'] as const;
const OBJECT_KINDS = ['inferenceobjectives', 'inferencemodelrewrites'] as const;

const INSTALL_POOL =
  'kubectl apply -k "github.com/kubernetes-sigs/gateway-api-inference-extension/config/crd?ref=v1.5.0" (or config/crd of this repository)';
const INSTALL_GATEWAY = 'kubectl apply -k "github.com/kubernetes-sigs/gateway-api/config/crd?ref=v1.4.1"';

/** Which kinds are served, and in which versions; also the group objectives and rewrites are read from. */
export async function checkCrds(visit: Visit): Promise<{ readonly findings: Finding[]; readonly objectGroup: string }> {
  const [pool, gateway, ...objects] = await Promise.all([
    poolKind(visit),
    gatewayKinds(visit),
    ...OBJECT_GROUPS.map((group) => kindsOf(visit, `/apis/${group}/v1alpha2`)),
  ]);
  const { ok, warning } = notesOf('object kinds');
  const at = objects.findIndex((kinds) => OBJECT_KINDS.every((kind) => kinds.includes(kind)));
  const objectGroup = OBJECT_GROUPS[Math.max(at, 0)];
  const found =
    at === -1
      ? warning(
          'neither llm-d.ai nor inference.networking.x-k8s.io has InferenceObjective and InferenceModelRewrite v1alpha2: no priorities, no model rewrites',
          'kubectl apply -f config/crd of this repository, unless nobody needs them',
        )
      : ok(`InferenceObjective and InferenceModelRewrite of ${objectGroup}/v1alpha2`);
  return { findings: [pool, found, gateway], objectGroup };
}

async function poolKind(visit: Visit): Promise<Finding> {
  const { ok, error, skipped } = notesOf('pool kind');
  const look = await visit.cluster.get(`/apis/${POOL_GROUP}`);
  if (look.kind === 'unknown') return skipped(look.why);
  if (look.kind === 'absent') {
    const old = await kindsOf(visit, '/apis/inference.networking.x-k8s.io/v1alpha2');
    const hint = old.includes('inferencepools') ? '; there is only the old inference.networking.x-k8s.io/v1alpha2' : '';
    return error(`the cluster has no InferencePool of ${POOL_GROUP}/v1${hint}`, INSTALL_POOL);
  }
  const versions = list(look.value['versions']).map(({ version }) => text(version));
  const isServed = (await kindsOf(visit, `/apis/${POOL_GROUP}/v1`)).includes('inferencepools');
  return isServed
    ? ok(`InferencePool of ${POOL_GROUP}/v1`)
    : error(
        `InferencePool is not served as ${POOL_GROUP}/v1, only ${versions.join(', ')} of the group is`,
        INSTALL_POOL,
      );
}

async function gatewayKinds(visit: Visit): Promise<Finding> {
  const { ok, error } = notesOf('gateway api');
  const kinds = await kindsOf(visit, '/apis/gateway.networking.k8s.io/v1');
  const missing = ['gateways', 'httproutes'].filter((kind) => !kinds.includes(kind));
  return missing.length === 0
    ? ok('Gateway and HTTPRoute of gateway.networking.k8s.io/v1')
    : error(`gateway.networking.k8s.io/v1 has no ${missing.join(' and no ')}`, INSTALL_GATEWAY);
}

async function kindsOf({ cluster }: Visit, root: string): Promise<readonly string[]> {
  const look = await cluster.get(root);
  return look.kind === 'found' ? list(look.value['resources']).map((kind) => text(fields(kind)['name'])) : [];
}
