import { Agent, request } from 'undici';

/** An object as one writes it for `kubectl apply`; the fields beyond these are the kind's. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** How to reach an API server. */
export interface Access {
  readonly url: string;
  /** PEM. */
  readonly ca: string;
  readonly token: string;
}

/** An answer that is no success. */
export class ApiFailure extends Error {
  override readonly name = 'ApiFailure';
  readonly status: number;

  constructor(status: number, message: string) {
    super(`${status} ${message}`);
    this.status = status;
  }
}

interface Resource {
  readonly plural: string;
  readonly namespaced: boolean;
}

const MERGE = 'application/merge-patch+json';
const APPLY = 'application/apply-patch+yaml';

/** A small client for tests: what `kubectl` does with apply, get, delete and patch. */
export class Api {
  readonly #access: Access;
  readonly #agent: Agent;
  readonly #resources = new Map<string, Resource>();

  constructor(access: Access) {
    this.#access = access;
    this.#agent = new Agent({ connect: { ca: access.ca }, connections: 24, allowH2: false });
  }

  /** One request; resolves to the parsed body. Throws `ApiFailure`. */
  async call(method: string, path: string, body?: unknown, contentType = 'application/json'): Promise<unknown> {
    const answer = await request(this.#access.url + path, {
      method: method as 'GET',
      dispatcher: this.#agent,
      headers: { authorization: `Bearer ${this.#access.token}`, 'content-type': contentType },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.body.text();
    if (answer.statusCode >= 300) throw new ApiFailure(answer.statusCode, text.slice(0, 2_000));
    return text.startsWith('{') ? JSON.parse(text) : text;
  }

  /** Creates or changes objects, in order, as `kubectl apply --server-side --validate=strict` does. */
  async apply(...manifests: readonly Manifest[]): Promise<void> {
    for (const manifest of manifests) {
      const path = await this.pathOf(manifest);
      await this.call('PATCH', `${path}?fieldManager=test&force=true&fieldValidation=Strict`, manifest, APPLY);
    }
  }

  async get(manifest: Manifest): Promise<Record<string, unknown>> {
    return (await this.call('GET', await this.pathOf(manifest))) as Record<string, unknown>;
  }

  /** Merges `patch` into an object; `subresource` is `/status` or nothing. */
  async patch(manifest: Manifest, patch: unknown, subresource = ''): Promise<void> {
    await this.call('PATCH', (await this.pathOf(manifest)) + subresource, patch, MERGE);
  }

  /** Deletes an object without a grace period: there is no kubelet here that would end it. */
  async remove(manifest: Manifest): Promise<void> {
    await this.call('DELETE', `${await this.pathOf(manifest)}?gracePeriodSeconds=0`);
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  /** Where an object lives, as the server's own discovery tells. */
  async pathOf({ apiVersion, kind, metadata }: Manifest): Promise<string> {
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const { plural, namespaced } = await this.#resource(root, kind);
    const scope = namespaced ? `/namespaces/${metadata.namespace ?? 'default'}` : '';
    return `${root}${scope}/${plural}/${metadata.name}`;
  }

  async #resource(root: string, kind: string): Promise<Resource> {
    const key = `${root} ${kind}`;
    const known = this.#resources.get(key);
    if (known !== undefined) return known;
    const list = (await this.call('GET', root)) as {
      resources: { name: string; kind: string; namespaced: boolean }[];
    };
    const found = list.resources.find((resource) => resource.kind === kind && !resource.name.includes('/'));
    if (found === undefined) throw new Error(`the API server knows no ${kind} in ${root}`);
    const resource = { plural: found.name, namespaced: found.namespaced };
    this.#resources.set(key, resource);
    return resource;
  }
}

/** Does `work` for every item, at most `width` at a time. */
export async function inParallel<T>(
  items: Iterable<T>,
  work: (item: T) => Promise<unknown>,
  width = 24,
): Promise<void> {
  const queue = [...items].values();
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (const item of queue) await work(item);
    }),
  );
}
