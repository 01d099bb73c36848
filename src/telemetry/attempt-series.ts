import type { Counter } from 'prom-client';
import type { Endpoint } from '../core/endpoint.ts';
import type { MembershipListener } from '../datastore/endpoint-table.ts';

/** Endpoints that have gone and whose series stay: they may return, and their last numbers are still to be scraped. */
export const MAX_GONE = 1_000;

/**
 * The successful attempts of `scheduler_attempts_total`, one series for each endpoint and model. Pods get new names with
 * every rollout, so the series of those gone longest are removed in the end.
 */
export class AttemptSeries implements MembershipListener {
  readonly #family: Counter;
  readonly #series = new Map<string, Map<string, Counter.Internal>>();
  /** Keys of endpoints that are not there, the one gone longest first. */
  readonly #gone = new Set<string>();
  /** What `#series` has for an endpoint, without its key being made for every request. */
  readonly #bound = new WeakMap<Endpoint, Map<string, Counter.Internal>>();

  constructor(family: Counter) {
    this.#family = family;
  }

  count(endpoint: Endpoint, model: string): void {
    const byModel = this.#bound.get(endpoint) ?? this.#bind(endpoint);
    let counter = byModel.get(model);
    if (counter === undefined) {
      counter = this.#family.labels(...labelsOf(endpoint, model));
      byModel.set(model, counter);
    }
    counter.inc();
  }

  added(endpoint: Endpoint): void {
    this.#gone.delete(keyOf(endpoint));
  }

  removed(endpoint: Endpoint): void {
    const key = keyOf(endpoint);
    if (!this.#series.has(key)) return;
    this.#gone.add(key);
    if (this.#gone.size <= MAX_GONE) return;
    const [oldest] = this.#gone;
    this.#gone.delete(oldest);
    const [namespace, podName, port] = oldest.split('/');
    for (const model of this.#series.get(oldest)?.keys() ?? []) {
      this.#family.remove('success', model, podName, namespace, port);
    }
    this.#series.delete(oldest);
  }

  #bind(endpoint: Endpoint): Map<string, Counter.Internal> {
    const key = keyOf(endpoint);
    const byModel = this.#series.get(key) ?? new Map<string, Counter.Internal>();
    this.#series.set(key, byModel);
    this.#bound.set(endpoint, byModel);
    return byModel;
  }
}

/** Pods and namespaces have no slash in their names. */
function keyOf({ namespace, name, podName = name, port }: Endpoint): string {
  return `${namespace}/${podName}/${port}`;
}

function labelsOf({ namespace, name, podName = name, port }: Endpoint, model: string): string[] {
  return ['success', model, podName, namespace, String(port)];
}
