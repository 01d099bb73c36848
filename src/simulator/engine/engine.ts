import { AdapterSeries } from './adapter-series.ts';
import { adaptersOf, BatchPlanner, type BatchLimits } from './batch-planner.ts';
import { BlockPool } from './block-pool.ts';
import { EngineStats } from './engine-stats.ts';
import { FrontEnd, type FrontEndLimits } from './front-end.ts';
import { BLOCK_TOKENS } from './prompt.ts';
import { Sequence, type GenerationRequest } from './sequence.ts';
import { decodeCostMs, prefillCostMs, type StepCost, type StepNoise } from './step-cost.ts';
import type { Alarm, Timeline } from './timeline.ts';

/** What an engine is made of. */
export interface EngineOptions extends BatchLimits, FrontEndLimits {
  readonly cost: StepCost;
  readonly noise: StepNoise;
  /** Delay between the end of a step and its tokens reaching the client side. Below the cheapest step. */
  readonly outputDelayMs: number;
  /** KV-cache blocks of 16 tokens. */
  readonly blocks: number;
  /** Longest sequence in tokens; limits the histograms and what `submit` takes. */
  readonly maxModelLen: number;
}

/** One step, for tests and traces. Counts are as after the step. */
export interface StepRecord {
  readonly startMs: number;
  readonly endMs: number;
  readonly prefillTokens: number;
  readonly decodes: number;
  readonly running: number;
  readonly waiting: number;
  readonly freeBlocks: number;
}

/**
 * An inference engine with continuous batching: all running sequences share each step, so every prompt slows every
 * output. It does nothing between steps but wait, and knows time only from its timeline.
 */
export class Engine {
  readonly stats: EngineStats;
  readonly pool: BlockPool;
  /** Called after every step when set. */
  onStep: ((record: StepRecord) => void) | undefined;
  readonly #options: EngineOptions;
  readonly #timeline: Timeline;
  readonly #frontEnd: FrontEnd;
  readonly #planner: BatchPlanner;
  readonly #entering = new Map<Sequence, Alarm>();
  readonly #batch: Sequence[] = [];
  readonly #leaving: Sequence[] = [];
  #undelivered: Sequence[] = [];
  #outputMs = 0;
  #wake: Alarm | undefined;
  #stepping = false;
  #steps = 0;
  #startMs = 0;
  #endMs = 0;
  #decodes = 0;
  #prefillTokens = 0;
  #slowFactor = 1;
  #stallMs = 0;
  #suspendedAtMs: number | undefined;

  constructor(options: EngineOptions, timeline: Timeline) {
    this.#options = options;
    this.#timeline = timeline;
    const { maxModelLen, maxLoras } = options;
    this.stats = new EngineStats(maxModelLen, maxLoras === undefined ? undefined : new AdapterSeries(maxLoras));
    this.pool = new BlockPool(options.blocks);
    this.#planner = new BatchPlanner(this.pool, options, this.stats);
    this.#frontEnd = new FrontEnd(timeline, options);
  }

  /** Sequences anywhere in the server. */
  get inFlight(): number {
    return this.#frontEnd.pending + this.#planner.waiting.length + this.#planner.running.length;
  }

  /** Takes a request in. Throws RangeError when prompt and output together can never fit. */
  submit(request: GenerationRequest): Sequence {
    const longest = Math.min(this.#options.maxModelLen, this.pool.size * BLOCK_TOKENS);
    if (request.prompt.tokens < 1 || request.maxTokens < 1 || request.prompt.tokens + request.maxTokens > longest) {
      throw new RangeError(`prompt and output must hold 1 to ${longest} tokens`);
    }
    const sequence = new Sequence(request, this.#timeline.nowMs());
    const alarm = this.#frontEnd.pass(() => {
      this.#entering.delete(sequence);
      this.#enqueue(sequence);
    });
    if (alarm !== undefined) this.#entering.set(sequence, alarm);
    return sequence;
  }

  /** The client left. A running sequence goes at the end of the step under way, as in vLLM. */
  abort(sequence: Sequence): void {
    if (sequence.done) return;
    sequence.done = true;
    const alarm = this.#entering.get(sequence);
    if (alarm !== undefined) {
      this.#entering.delete(sequence);
      this.#frontEnd.drop(alarm);
    } else if (this.#stepping) {
      this.#leaving.push(sequence);
    } else {
      this.#planner.remove(sequence);
      this.#publish();
    }
  }

  /** Makes every later step `factor` times as long. */
  slowDown(factor: number): void {
    this.#slowFactor = factor;
  }

  /** Makes the next step longer by `ms`, once. */
  stall(ms: number): void {
    this.#stallMs += ms;
  }

  /** Freezes the engine in the middle of whatever it does. */
  suspend(): void {
    if (this.#suspendedAtMs !== undefined) return;
    this.#suspendedAtMs = this.#timeline.nowMs();
    this.#wake?.cancel();
    this.#wake = undefined;
  }

  /** Goes on where `suspend` stopped it. */
  resume(): void {
    if (this.#suspendedAtMs === undefined) return;
    const frozenMs = this.#timeline.nowMs() - this.#suspendedAtMs;
    this.#suspendedAtMs = undefined;
    if (!this.#stepping) {
      this.#wakeUp();
      return;
    }
    this.#endMs += frozenMs;
    this.#wake = this.#timeline.at(this.#endMs, this.#endStep);
  }

  /** Stops for good; nothing is delivered any more. */
  close(): void {
    this.suspend();
    for (const alarm of this.#entering.values()) alarm.cancel();
    this.#entering.clear();
    this.#undelivered.length = 0;
  }

  #enqueue(sequence: Sequence): void {
    sequence.queuedMs = this.#timeline.nowMs();
    sequence.queuedAtStep = this.#steps;
    this.#planner.waiting.push(sequence);
    this.#wakeUp();
  }

  /** Starts stepping after everything else that happens at this instant, so that arrivals share a first step. */
  #wakeUp(): void {
    if (this.#stepping || this.#wake !== undefined || this.#suspendedAtMs !== undefined) return;
    this.#wake = this.#timeline.at(this.#timeline.nowMs(), () => this.#startStep(this.#timeline.nowMs()));
  }

  #startStep(startMs: number): void {
    const { cost, noise } = this.#options;
    this.#wake = undefined;
    this.#planner.plan(this.#batch, startMs);
    this.#stepping = this.#batch.length > 0;
    if (!this.#stepping) return;
    this.#steps += 1;
    let ms = cost.baseMs;
    this.#decodes = 0;
    this.#prefillTokens = 0;
    for (const sequence of this.#batch) {
      if (sequence.stepTokens === 1 && sequence.generated > 0) {
        this.#decodes += 1;
        ms += decodeCostMs(cost, sequence.length);
      } else {
        this.#prefillTokens += sequence.stepTokens;
        ms += prefillCostMs(cost, sequence.computed, sequence.stepTokens);
      }
    }
    this.#startMs = startMs;
    this.#endMs = startMs + ms * noise() * this.#slowFactor + this.#stallMs;
    this.#stallMs = 0;
    this.#wake = this.#timeline.at(this.#endMs, this.#endStep);
  }

  readonly #endStep = (): void => {
    this.#wake = undefined;
    this.#deliver();
    this.#dismiss();
    for (const sequence of this.#batch) if (!sequence.done) this.#advance(sequence);
    this.stats.stepTokens.observe(this.#prefillTokens + this.#decodes);
    this.#planner.sweep();
    this.#publish();
    this.#sendOut();
    // Clients may have left on what they just got.
    this.#dismiss();
    if (this.onStep !== undefined) this.#record(this.onStep);
    this.#stepping = false;
    // A late timer must not stretch the plan, unless it is hopelessly late.
    const nextMs = Math.max(this.#endMs, this.#timeline.nowMs() - this.#timeline.lagToleranceMs);
    if (this.#suspendedAtMs === undefined) this.#startStep(nextMs);
  };

  #dismiss(): void {
    if (this.#leaving.length === 0) return;
    for (const sequence of this.#leaving) this.#planner.remove(sequence);
    this.#leaving.length = 0;
    this.#publish();
  }

  /** Books what a sequence computed in this step and makes its token when its whole text is in the cache. */
  #advance(sequence: Sequence): void {
    let block = Math.floor(sequence.computed / BLOCK_TOKENS);
    sequence.computed += sequence.stepTokens;
    const whole = Math.floor(sequence.computed / BLOCK_TOKENS);
    for (; block < whole; block += 1) this.pool.publish(sequence.blocks[block], sequence.hashes[block]);
    if (sequence.computed < sequence.length) return;
    sequence.sample();
    sequence.done = sequence.generated >= sequence.maxTokens;
    this.#undelivered.push(sequence);
  }

  #sendOut(): void {
    if (this.#undelivered.length === 0) return;
    this.#outputMs = this.#endMs + this.#options.outputDelayMs;
    if (this.#outputMs === this.#endMs) this.#deliver();
    else this.#timeline.at(this.#outputMs, this.#deliver);
  }

  readonly #deliver = (): void => {
    const sequences = this.#undelivered;
    if (sequences.length === 0) return;
    const tokenMs = this.#outputMs;
    this.#undelivered = [];
    for (const sequence of sequences) {
      const finish = sequence.generated >= sequence.maxTokens ? sequence.request.finishReason : undefined;
      // The client of an unfinished sequence may have left since the token was made.
      if (sequence.done && finish === undefined) continue;
      this.stats.token(sequence, tokenMs);
      sequence.delivered += 1;
      if (finish !== undefined) this.stats.finish(sequence, finish);
      sequence.request.sink.onToken(sequence.token, finish);
    }
  };

  /** Gauges are what the step saw: who came during it had no chance to run yet and does not count as queued. */
  #publish(): void {
    this.stats.running = this.#planner.running.length;
    this.stats.waiting = this.#planner.waitingBefore(this.#steps);
    this.stats.kvUsage = this.pool.usage();
    const { adapters } = this.stats;
    if (adapters === undefined) return;
    adapters.note(adaptersOf(this.#planner.running, this.#planner.waiting), this.#timeline.nowMs());
  }

  #record(onStep: (record: StepRecord) => void): void {
    onStep({
      startMs: this.#startMs,
      endMs: this.#endMs,
      prefillTokens: this.#prefillTokens,
      decodes: this.#decodes,
      running: this.#planner.running.length,
      waiting: this.#planner.waiting.length,
      freeBlocks: this.pool.free,
    });
  }
}
