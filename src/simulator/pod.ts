import { seededRandom } from '../lib/random.ts';
import type { Random } from '../core/random.ts';
import { Engine } from './engine/engine.ts';
import { NO_NOISE, measuredNoise } from './engine/step-cost.ts';
import { WallTimeline } from './engine/wall-timeline.ts';
import { NO_FAULTS, type Faults } from './faults.ts';
import { MetricsPage, type PageFormat } from './metrics/metrics-page.ts';
import { HttpStats, processFamilies } from './metrics/process-families.ts';
import { vllmFamilies } from './metrics/vllm-families.ts';
import type { ResolvedOptions } from './server-options.ts';

/** Servers counted by name. */
const MAX_PREFILLERS = 1000;

/** One life of a model server, from start to crash: its engine, its counters, what is wrong with it. */
export class Pod {
  readonly options: ResolvedOptions;
  readonly engine: Engine;
  readonly http = new HttpStats();
  /** Unix time in seconds. */
  readonly startedSeconds = Date.now() / 1000;
  /** Decides injected errors. */
  readonly random: Random;
  readonly #timeline: WallTimeline;
  readonly #page: MetricsPage;
  readonly #frozen = new Map<string, string>();
  /** Requests that arrived while the process stood still. */
  readonly #held = new Set<() => void>();
  readonly #prefilledBy = new Map<string, number>();
  #faults: Faults = NO_FAULTS;
  #requests = 0;

  constructor(options: ResolvedOptions) {
    this.options = options;
    const { profile, model, blocks, maxModelLen, maxNumSeqs, maxBatchedTokens, requestsPerSecond } = options;
    this.random = seededRandom(options.seed ^ hashOf(`${options.name} errors`));
    this.#timeline = new WallTimeline(options.speedUp);
    this.engine = new Engine(
      {
        cost: profile.cost,
        noise: options.noise ? measuredNoise(seededRandom(options.seed ^ hashOf(options.name))) : NO_NOISE,
        requestDelayMs: profile.requestDelayMs,
        outputDelayMs: profile.outputDelayMs,
        requestsPerSecond,
        blocks,
        maxModelLen,
        maxNumSeqs,
        maxBatchedTokens,
      },
      this.#timeline,
    );
    this.#page = new MetricsPage(
      [
        ...processFamilies(this.http, this.startedSeconds),
        ...vllmFamilies(this.engine.stats, { model, blocks, maxModelLen }),
      ],
      this.startedSeconds,
    );
  }

  get faults(): Faults {
    return this.#faults;
  }

  /** Puts a new set of faults in force. */
  set faults(faults: Faults) {
    if (faults.metrics !== this.#faults.metrics) this.#frozen.clear();
    this.#faults = faults;
    this.engine.slowDown(faults.slowFactor);
    if (faults.deadEngine || faults.hang) this.engine.suspend();
    else this.engine.resume();
    if (faults.hang) return;
    for (const request of this.#held) request();
    this.#held.clear();
  }

  /** Runs `request` now, or when the process moves again; the result forgets it. */
  whenMoving(request: () => void): () => void {
    if (this.#faults.hang) this.#held.add(request);
    else request();
    return () => this.#held.delete(request);
  }

  /** A name no other request of this life has. */
  nextRequestId(): string {
    this.#requests += 1;
    return `${this.options.name}-${this.#requests.toString(16).padStart(8, '0')}`;
  }

  /** Requests whose prompt another server computed, by that server's `host:port`. */
  get prefilledBy(): ReadonlyMap<string, number> {
    return this.#prefilledBy;
  }

  /** Another server has computed the prompt of a request. */
  prefilled(hostPort: string): void {
    const known = this.#prefilledBy.has(hostPort) || this.#prefilledBy.size < MAX_PREFILLERS;
    const name = known ? hostPort : 'others';
    this.#prefilledBy.set(name, (this.#prefilledBy.get(name) ?? 0) + 1);
  }

  /** The metrics page; the one of the first such scrape for as long as `metrics` is `frozen`. */
  metricsPage(format: PageFormat, names: readonly string[]): string {
    if (this.#faults.metrics !== 'frozen') return this.#page.render(format, names);
    const key = `${format} ${names.join(' ')}`;
    const page = this.#frozen.get(key) ?? this.#page.render(format, names);
    if (this.#frozen.size < 16) this.#frozen.set(key, page);
    return page;
  }

  /** The end: nothing happens any more. */
  close(): void {
    this.#held.clear();
    this.engine.close();
    this.#timeline.stop();
  }
}

function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}
