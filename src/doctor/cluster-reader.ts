import { ApiError } from '../kubernetes/api-error.ts';
import type { ApiRequest, KubeObject, KubernetesApi } from '../kubernetes/api.ts';
import { errorMessage } from '../lib/error-message.ts';
import { list as listOf } from './fields.ts';

/** What came of a look at the API server. `absent` also means that it does not know the kind. */
export type Look<T> =
  | { readonly kind: 'found'; readonly value: T }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unknown'; readonly why: string };

/** Reads the API server for checks, which must go on whatever it answers: nothing here rejects. */
export class ClusterReader {
  readonly #api: KubernetesApi;
  readonly #limits: Required<Pick<ApiRequest, 'timeoutMs' | 'signal'>>;

  /** The limits are those of each request. */
  constructor(api: KubernetesApi, limits: Required<Pick<ApiRequest, 'timeoutMs' | 'signal'>>) {
    this.#api = api;
    this.#limits = limits;
  }

  get(path: string): Promise<Look<KubeObject>> {
    return this.#look(async () => (await this.#api.request({ path, ...this.#limits })) as KubeObject);
  }

  list(path: string, labelSelector?: string): Promise<Look<readonly KubeObject[]>> {
    return this.#look(async () => {
      const answer = await this.#api.request({ path, query: { labelSelector }, ...this.#limits });
      return listOf((answer as KubeObject | undefined)?.['items']);
    });
  }

  /** Objects of every namespace, or where that is not allowed those of one. `root` is `/apis/<group>/<version>`. */
  async listAll(root: string, plural: string, namespace: string): Promise<Look<readonly KubeObject[]>> {
    const all = await this.list(`${root}/${plural}`);
    return all.kind === 'unknown' ? this.list(`${root}/namespaces/${namespace}/${plural}`) : all;
  }

  /** Asks for a review; the answer's status. */
  review(path: string, body: object): Promise<Look<unknown>> {
    return this.#look(async () => {
      const answer = await this.#api.request({ method: 'POST', path, body, ...this.#limits });
      return (answer as KubeObject | undefined)?.['status'];
    });
  }

  async #look<T>(ask: () => Promise<T>): Promise<Look<T>> {
    try {
      return { kind: 'found', value: await ask() };
    } catch (error) {
      if (error instanceof ApiError && error.fault === 'absent') return { kind: 'absent' };
      return { kind: 'unknown', why: errorMessage(error) };
    }
  }
}
