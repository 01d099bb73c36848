import { setImmediate } from 'node:timers/promises';
import type { ApiRequest, KubernetesApi, KubeObject } from '../../src/kubernetes/api.ts';
import { ApiError, errorOf } from '../../src/kubernetes/api-error.ts';
import type { Timing } from '../../src/kubernetes/timing.ts';
import { seededRandom } from '../../src/lib/random.ts';

interface Sleeper {
  readonly dueMs: number;
  readonly wake: () => void;
}

/** Time that passes as fast as everybody who waits lets it. */
export class VirtualTime {
  #nowMs = 0;
  readonly #sleepers = new Set<Sleeper>();

  get nowMs(): number {
    return this.#nowMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const sleeper: Sleeper = {
        dueMs: this.#nowMs + ms,
        wake: () => {
          this.#sleepers.delete(sleeper);
          signal?.removeEventListener('abort', sleeper.wake);
          resolve();
        },
      };
      signal?.addEventListener('abort', sleeper.wake, { once: true });
      this.#sleepers.add(sleeper);
    });
  }

  /** Lets `ms` pass; `look` is called at every moment something happens. */
  async pass(ms: number, look: () => void = () => undefined): Promise<void> {
    const endMs = this.#nowMs + ms;
    for (;;) {
      // Everything that follows from the last step, before the next one.
      for (let i = 0; i < 8; i++) await setImmediate();
      look();
      const next = [...this.#sleepers].sort((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined || next.dueMs > endMs) break;
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.wake();
    }
    this.#nowMs = endMs;
    look();
  }

  /** Time and chance of one process, whose clock begins where it likes. */
  timing(seed: number, originMs: number): Timing {
    return {
      clock: { nowMs: () => originMs + this.#nowMs },
      random: seededRandom(seed),
      wait: (ms, signal) => this.sleep(ms, signal),
    };
  }
}

/** How one process is connected to the server. */
export interface Line {
  /** `cut` lets nothing through; `deaf` loses the answers to what was carried out. */
  mode: 'open' | 'cut' | 'deaf';
  /** Of a request and its answer, each. */
  latencyMs: () => number;
}

/** What matters of an API server that keeps one object: versions, conflicts, and a network with faults. */
export class LeaseServer {
  readonly #time: VirtualTime;
  #object: KubeObject | undefined;
  #version = 0;
  /** `METHOD` of every request, in order. */
  readonly calls: string[] = [];
  /** Verbs that are refused, as RBAC does. */
  readonly forbidden = new Set<string>();

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  get spec(): Record<string, unknown> | undefined {
    return this.#object?.['spec'] as Record<string, unknown> | undefined;
  }

  /** Writes as somebody else would. */
  put(spec: Record<string, unknown>): void {
    this.#object = { metadata: { resourceVersion: String(++this.#version) }, spec };
  }

  delete(): void {
    this.#object = undefined;
  }

  client(line: Line): KubernetesApi {
    return {
      server: 'memory',
      // oxlint-disable-next-line require-yield
      async *watch() {
        throw new Error('nobody has the right to watch leases');
      },
      request: (request) => this.#request(request, line),
    };
  }

  async #request({ method = 'GET', body, timeoutMs = 30_000 }: ApiRequest, line: Line): Promise<unknown> {
    const deadlineMs = this.#time.nowMs + timeoutMs;
    await this.#time.sleep(Math.min(line.latencyMs(), timeoutMs));
    if (line.mode === 'cut') return this.#timeOut(deadlineMs);
    this.calls.push(method);
    let answer: unknown;
    let error: ApiError | undefined;
    try {
      answer = this.#carryOut(method, body as KubeObject);
    } catch (thrown) {
      error = thrown as ApiError;
    }
    const backMs = line.latencyMs();
    if ((line.mode as string) !== 'open' || this.#time.nowMs + backMs > deadlineMs) return this.#timeOut(deadlineMs);
    await this.#time.sleep(backMs);
    if (error !== undefined) throw error;
    return answer;
  }

  async #timeOut(deadlineMs: number): Promise<never> {
    await this.#time.sleep(Math.max(0, deadlineMs - this.#time.nowMs));
    throw new ApiError('timeout', 'nobody answers');
  }

  #carryOut(method: string, body: KubeObject): KubeObject {
    if (this.forbidden.has(method)) throw errorOf(403, 'leases is forbidden');
    if (method === 'POST') {
      if (this.#object !== undefined) throw errorOf(409, 'already exists');
    } else if (this.#object === undefined) throw errorOf(404, 'not found');
    if (method === 'GET') return this.#object as KubeObject;
    const seen = body.metadata?.resourceVersion;
    if (method === 'PUT' && seen !== this.#object?.metadata?.resourceVersion) throw errorOf(409, 'conflict');
    this.#object = { ...body, metadata: { ...body.metadata, resourceVersion: String(++this.#version) } };
    return this.#object;
  }
}
