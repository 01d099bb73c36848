import type { EndpointSpec } from '../../core/endpoint.ts';
import type { KubeObject, KubernetesApi } from '../../kubernetes/api.ts';
import { Following } from '../../kubernetes/following.ts';
import type { Resource } from '../../kubernetes/resource.ts';
import type { Timing } from '../../kubernetes/timing.ts';
import type { ObjectSink } from '../objects.ts';
import type { DiscoveryLog, DiscoverySource, EndpointSink } from '../source.ts';
import { type ConnectionObserver, Connections, type Outage } from './connections.ts';
import { ObjectsWatch } from './objects-watch.ts';
import { endpointsOf, oddity, type PodFacts, readPod, samePod } from './pods.ts';
import { type PoolFacts, readPool, samePool, selectorText } from './pool.ts';

/** Changes are gathered this long before they are looked at: they come in flocks. */
const GATHER_MS = 10;
/** At least this long between two looks at everything. */
const REST_MS = 50;
const POOLS = 'inferencepools';
const PODS = 'pods';

/** Whose pods are served. */
export type PoolTarget =
  | { readonly kind: 'pool'; readonly name: string; readonly group: string }
  /** No InferencePool: pods by a label selector, in Kubernetes' own grammar. */
  | { readonly kind: 'selector'; readonly selector: string; readonly ports: readonly number[] };

export interface KubernetesDiscoveryParts {
  readonly api: KubernetesApi;
  readonly namespace: string;
  readonly target: PoolTarget;
  readonly endpoints: EndpointSink;
  readonly objects: ObjectSink;
  readonly log: DiscoveryLog;
  readonly timing: Timing;
  readonly observer: ConnectionObserver;
  /** The state may have changed. */
  readonly onState: () => void;
}

/** What discovery knows, for health and for people. */
export interface DiscoveryState {
  /** Why the endpoints are not known; undefined once they are. */
  readonly unknown: string | undefined;
  /** The pool, if there is one and it is known. */
  readonly pool: PoolFacts | undefined;
  /** How many endpoints there are. */
  readonly endpoints: number;
  /** What is not followed now; the facts of these kinds are the last known. */
  readonly outages: readonly Outage[];
}

/** Pods and the ports they are served at: what endpoints are made of. */
interface Scope {
  readonly resource: Resource;
  readonly ports: readonly number[];
}

interface PodEndpoints {
  readonly ports: readonly number[];
  readonly specs: readonly EndpointSpec[];
}

/**
 * Makes endpoints of a pool's pods, and keeps objectives and rewrites. Changes say only that something is to be looked
 * at; every look makes the whole pool anew from what is known then, so no order of events can leave it wrong.
 */
export class KubernetesDiscovery implements DiscoverySource {
  readonly #parts: KubernetesDiscoveryParts;
  readonly #connections: Connections;
  readonly #pools: Following<PoolFacts | undefined> | undefined;
  readonly #pods: Following<PodFacts>;
  readonly #objects: ObjectsWatch | undefined;
  /** Endpoints of pods that did not change since, so that nothing is made anew for them. */
  readonly #specs = new WeakMap<PodFacts, PodEndpoints>();
  #oddities: ReadonlySet<string> = new Set();
  #count = 0;
  /** The endpoints of the pool's pods are where requests find them. */
  #isPublished = false;
  #dirty = Promise.withResolvers<void>();
  readonly #stopping = new AbortController();
  #reconciling: Promise<void> | undefined;

  constructor(parts: KubernetesDiscoveryParts) {
    this.#parts = parts;
    const { api, timing, log, observer, target, namespace } = parts;
    const { clock } = timing;
    this.#connections = new Connections({ clock, log, observer, vital: [PODS, POOLS], kept: () => this.#count });
    this.#pods = this.#following(PODS, readPod, samePod);
    if (target.kind === 'selector') return;
    this.#pools = this.#following(POOLS, readPool, samePool);
    this.#objects = new ObjectsWatch({
      api,
      namespace,
      pool: target,
      timing,
      log,
      connections: this.#connections,
      sink: parts.objects,
      changed: () => this.#look(),
    });
  }

  get state(): DiscoveryState {
    const { outages } = this.#connections;
    return { unknown: this.#unknown(), pool: this.#pool(), endpoints: this.#count, outages };
  }

  start(): void {
    const { target, namespace } = this.#parts;
    this.#reconciling ??= this.#reconcileWhileDirty(this.#stopping.signal);
    if (target.kind === 'pool') {
      this.#pools?.follow({ group: target.group, version: 'v1', plural: POOLS, namespace, name: target.name });
      this.#objects?.start();
    }
    this.#look();
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    this.#look();
    await Promise.all([this.#reconciling, this.#pools?.stop(), this.#pods.stop(), this.#objects?.stop()]);
  }

  #following<T>(plural: string, read: (object: KubeObject) => T, same: (a: T, b: T) => boolean): Following<T> {
    const { api, timing, namespace } = this.#parts;
    return new Following({
      api,
      timing,
      read,
      same,
      listener: {
        changed: () => this.#look(),
        connected: () => {
          this.#connections.connected(plural);
          this.#look();
        },
        failed: (error, verb) => {
          this.#connections.failed(plural, `${verb} ${plural} in namespace ${namespace}`, error);
          this.#look();
        },
      },
    });
  }

  #look(): void {
    this.#dirty.resolve();
  }

  async #reconcileWhileDirty(signal: AbortSignal): Promise<void> {
    const { timing } = this.#parts;
    while (!signal.aborted) {
      await this.#dirty.promise;
      await timing.wait(GATHER_MS, signal);
      if (signal.aborted) return;
      this.#dirty = Promise.withResolvers();
      this.#reconcile();
      await timing.wait(REST_MS, signal);
    }
  }

  #reconcile(): void {
    this.#objects?.publish();
    const scope = this.#scope();
    if (scope === 'none') {
      this.#pods.follow(undefined);
      this.#connections.forget(PODS);
      this.#isPublished = false;
      this.#publish([]);
    } else if (scope !== 'unknown') {
      this.#pods.follow(scope.resource);
      // Of the former selector's pods the endpoints stay until those of the new one are known.
      if (this.#pods.resource?.labelSelector === scope.resource.labelSelector) {
        this.#publish(this.#specsOf(scope));
        this.#isPublished = true;
      }
    }
    this.#parts.onState();
  }

  #publish(specs: readonly EndpointSpec[]): void {
    if (specs.length === 0 && this.#count === 0) return;
    this.#count = specs.length;
    this.#parts.endpoints.replace(specs);
  }

  #specsOf({ ports }: Scope): EndpointSpec[] {
    const { namespace, log } = this.#parts;
    const all: EndpointSpec[] = [];
    const oddities = new Set<string>();
    for (const pod of this.#pods.items.values()) {
      let made = this.#specs.get(pod);
      if (made?.ports !== ports) {
        made = { ports, specs: endpointsOf(pod, namespace, ports) };
        this.#specs.set(pod, made);
      }
      for (const spec of made.specs) all.push(spec);
      const odd = oddity(pod, namespace, ports);
      if (odd !== undefined) oddities.add(odd);
    }
    for (const odd of oddities.difference(this.#oddities)) log.warn(odd);
    this.#oddities = oddities;
    return all;
  }

  #scope(): Scope | 'none' | 'unknown' {
    const { target, namespace } = this.#parts;
    const pods = { group: '', version: 'v1', plural: PODS, namespace };
    if (target.kind === 'selector') {
      return { resource: { ...pods, labelSelector: target.selector }, ports: target.ports };
    }
    if (this.#pools?.resource === undefined) return 'unknown';
    const pool = this.#pool();
    if (pool === undefined) return 'none';
    return { resource: { ...pods, labelSelector: selectorText(pool.matchLabels) }, ports: pool.ports };
  }

  #pool(): PoolFacts | undefined {
    const { target } = this.#parts;
    return target.kind === 'pool' ? this.#pools?.items.get(target.name) : undefined;
  }

  #unknown(): string | undefined {
    const { target, namespace } = this.#parts;
    if (target.kind === 'pool') {
      const name = `InferencePool ${namespace}/${target.name}`;
      if (this.#pools?.resource === undefined) return `${name} was not read yet${this.#because(POOLS)}`;
      if (!this.#pools.items.has(target.name)) return `${name} does not exist`;
      if (this.#pool() === undefined) return `${name} cannot be used: its selector or targetPorts are missing`;
    }
    if (!this.#isPublished) return `pods were not listed yet${this.#because(PODS)}`;
    if (this.#objects?.isSettled === false) return 'objectives and rewrites were not listed yet';
    return undefined;
  }

  #because(plural: string): string {
    const outage = this.#connections.outageOf(plural);
    return outage === undefined ? '' : `: ${outage.problem}`;
  }
}
