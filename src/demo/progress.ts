import type { DecisionRecord, ScorePart } from '../scheduling/decision.ts';
import type { Exchanged } from './client.ts';
import type { Frame } from './frame.ts';
import type { Stage } from './stage.ts';
import { DemoStats, hitRate } from './stats.ts';

/** The newest are kept: a run in which everything fails must not fill the memory. */
const MAX_EVENTS = 200;

/** Follows the run: what clients saw, what the picker knows and said, what happened to servers. */
export class Progress {
  readonly stats: DemoStats;
  readonly #stage: Stage;
  readonly #durationMs: number;
  readonly #why = new Map<number, readonly ScorePart[]>();
  readonly #down = new Set<string>();
  #events: string[] = [];
  #lostEvents = 0;
  readonly #startedAtMs = performance.now();
  #sent = 0;

  constructor(stage: Stage, durationMs: number) {
    this.#stage = stage;
    this.#durationMs = durationMs;
    this.stats = new DemoStats(stage.servers.map(({ name }) => name));
  }

  get elapsedMs(): number {
    return performance.now() - this.#startedAtMs;
  }

  sent(): void {
    this.#sent++;
  }

  ended(exchanged: Exchanged): void {
    this.stats.add(exchanged);
    if (exchanged.ending === 'failed') this.event(`a request FAILED: ${exchanged.detail}`);
  }

  decided({ picked, scores }: DecisionRecord): void {
    if (picked.length > 0) this.#why.set(picked[0], scores);
  }

  isDown(name: string, down: boolean): void {
    if (down) this.#down.add(name);
    else this.#down.delete(name);
  }

  event(text: string): void {
    if (this.#events.length === MAX_EVENTS) {
      this.#events = this.#events.slice(MAX_EVENTS / 2);
      this.#lostEvents += MAX_EVENTS / 2;
    }
    this.#events.push(`${(this.elapsedMs / 1000).toFixed(1).padStart(5)} s  ${text}`);
  }

  /** Slot of a server in the picker's table. */
  slotOf(port: number): number | undefined {
    return this.#stage.picker.table.byHostPort(`127.0.0.1:${port}`)?.slot;
  }

  frame(): Frame {
    const summary = this.stats.summary();
    return {
      elapsedMs: Math.min(this.elapsedMs, this.#durationMs),
      durationMs: this.#durationMs,
      sent: this.#sent,
      answered: summary.answered,
      failed: summary.failed,
      cutOff: summary.cutOff,
      rows: this.#stage.servers.map(({ name, port }) => this.#row(name, this.slotOf(port))),
      events: this.#events,
      firstEvent: this.#lostEvents,
    };
  }

  #row(name: string, slot: number | undefined): Frame['rows'][number] {
    const { signals, books } = this.#stage.picker.table;
    const tally = this.stats.servers.get(name);
    const known = (column: Float64Array): number => (slot === undefined ? Number.NaN : column[slot]);
    return {
      name,
      up: !this.#down.has(name),
      served: tally === undefined ? 0 : tally.answered + tally.cutOff,
      inFlight: slot === undefined ? 0 : books.inflight(slot),
      waiting: known(signals.waiting),
      running: known(signals.running),
      kvUsage: known(signals.kvUsage),
      hitRate: tally === undefined ? Number.NaN : hitRate(tally),
      why: (slot === undefined ? undefined : this.#why.get(slot)) ?? [],
    };
  }
}
