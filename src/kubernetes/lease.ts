import * as v from 'valibot';
import type { KubeObject, KubernetesApi } from './api.ts';
import { ApiError } from './api-error.ts';
import { groupPath } from './resource.ts';

const GROUP = 'coordination.k8s.io';
const VERSION = 'v1';

/** A Lease as the API server has it; writing it back says which state of it was seen. */
export interface Lease {
  readonly object: KubeObject;
  /** Empty where nobody holds it. */
  readonly holder: string;
  readonly durationMs: number;
  readonly acquireTime: string | undefined;
  readonly transitions: number;
  /** Changes with every write of a holder. */
  readonly record: string;
}

/** What is written; times are the API's microsecond times. */
export interface LeaseSpec {
  readonly holderIdentity: string;
  readonly leaseDurationSeconds: number;
  readonly acquireTime: string;
  readonly renewTime: string;
  readonly leaseTransitions: number;
}

const spec = v.object({
  holderIdentity: v.nullish(v.string(), ''),
  leaseDurationSeconds: v.nullish(v.number(), 0),
  acquireTime: v.nullish(v.string()),
  leaseTransitions: v.nullish(v.number(), 0),
});

/** One Lease, by name, with no right to list or watch: `create`, and `get` and `update` of that name. */
export class LeaseStore {
  readonly #api: KubernetesApi;
  readonly #folder: string;
  readonly #namespace: string;
  readonly name: string;

  constructor(api: KubernetesApi, namespace: string, name: string) {
    this.#api = api;
    this.#namespace = namespace;
    this.name = name;
    this.#folder = `${groupPath(GROUP, VERSION)}/namespaces/${encodeURIComponent(namespace)}/leases`;
  }

  /** Undefined when there is none. Rejects with `ApiError`. */
  async read(timeoutMs: number): Promise<Lease | undefined> {
    try {
      return readLease(await this.#api.request({ path: this.#path, timeoutMs }));
    } catch (error) {
      if (error instanceof ApiError && error.fault === 'absent') return undefined;
      throw error;
    }
  }

  /** Rejects with `ApiError`; its fault is `conflict` when somebody was faster. */
  async create(content: LeaseSpec, timeoutMs: number): Promise<Lease> {
    const metadata = { name: this.name, namespace: this.#namespace };
    const body = { apiVersion: `${GROUP}/${VERSION}`, kind: 'Lease', metadata, spec: content };
    return readLease(await this.#api.request({ method: 'POST', path: this.#folder, body, timeoutMs }));
  }

  /** Replaces the state that `seen` is. Rejects with `ApiError`; its fault is `conflict` when it has changed since. */
  async replace(seen: Lease, content: LeaseSpec, timeoutMs: number): Promise<Lease> {
    const body = { ...seen.object, spec: content };
    return readLease(await this.#api.request({ method: 'PUT', path: this.#path, body, timeoutMs }));
  }

  get #path(): string {
    return `${this.#folder}/${encodeURIComponent(this.name)}`;
  }
}

/** A moment as the API writes it, with microseconds. */
export function microTime(moment: Date): string {
  return moment.toISOString().replace('Z', '000Z');
}

function readLease(answer: unknown): Lease {
  const object = (answer ?? {}) as KubeObject;
  const read = v.safeParse(spec, object['spec'] ?? {});
  if (!read.success || object.metadata?.resourceVersion === undefined) {
    throw new ApiError('garbled', 'the answer is no Lease');
  }
  const { holderIdentity, leaseDurationSeconds, acquireTime, leaseTransitions } = read.output;
  return {
    object,
    holder: holderIdentity,
    durationMs: leaseDurationSeconds * 1000,
    acquireTime: acquireTime ?? undefined,
    transitions: leaseTransitions,
    record: JSON.stringify(object['spec']),
  };
}
