import type { Manifest } from './api.ts';
import { POOL_GROUP } from './manifests.ts';

export const GATEWAY_GROUP = 'gateway.networking.k8s.io';
export const ISTIO_GROUP = 'networking.istio.io';

/** A definition that takes any object; enough for whoever only reads them. */
export function looseCrd(group: string, kind: string, plural: string, version = 'v1'): Manifest {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${plural}.${group}`,
      // Names of this group are the community's; without its word for it the API server does not serve them.
      annotations: { 'api-approved.kubernetes.io': 'unapproved, for tests' },
    },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        },
      ],
    },
  };
}

export function gateway(name: string, namespace: string): Manifest {
  return {
    apiVersion: `${GATEWAY_GROUP}/v1`,
    kind: 'Gateway',
    metadata: { name, namespace },
    spec: { gatewayClassName: 'istio', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] },
  };
}

export interface RouteOptions {
  readonly name: string;
  readonly namespace: string;
  readonly gateway: string;
  readonly pools: readonly string[];
  readonly filters?: readonly object[];
}

/** One rule with these pools as its backends. */
export function route({ name, namespace, gateway: parent, pools, filters = [] }: RouteOptions): Manifest {
  const backendRefs = pools.map((pool) => ({ group: POOL_GROUP, kind: 'InferencePool', name: pool }));
  return {
    apiVersion: `${GATEWAY_GROUP}/v1`,
    kind: 'HTTPRoute',
    metadata: { name, namespace },
    spec: { parentRefs: [{ name: parent }], rules: [{ backendRefs, filters }] },
  };
}

/** What makes gateways speak TLS to a Service. */
export function destinationRule(service: string, namespace: string): Manifest {
  return {
    apiVersion: `${ISTIO_GROUP}/v1`,
    kind: 'DestinationRule',
    metadata: { name: service, namespace },
    spec: {
      host: `${service}.${namespace}.svc.cluster.local`,
      trafficPolicy: { tls: { mode: 'SIMPLE', insecureSkipVerify: true } },
    },
  };
}

/** The control plane's Deployment, as far as anybody here looks at it. */
export function istiodWith(env: readonly object[]): Manifest {
  const labels = { app: 'istiod' };
  const containers = [{ name: 'discovery', image: 'pilot', env }];
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'istiod', namespace: 'istio-system', labels },
    spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
  };
}
