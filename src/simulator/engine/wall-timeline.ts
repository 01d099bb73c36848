import { AlarmQueue, type Alarm, type Timeline } from './timeline.ts';

/** Timers of the platform tick in milliseconds; ringing half a tick early keeps the mean error at nothing. */
const SLACK_WALL_MS = 0.5;
/** A process that was held up longer than this goes on from now instead of racing after its plan. */
const LAG_TOLERANCE_WALL_MS = 50;
/** Alarms rung in a row before sockets get their turn again. */
const MAX_IN_A_ROW = 256;

/** Simulated time that runs `speedUp` times as fast as the wall clock. One platform timer, whatever is waiting. */
export class WallTimeline implements Timeline {
  readonly lagToleranceMs: number;
  readonly #speedUp: number;
  readonly #originMs = performance.now();
  readonly #queue = new AlarmQueue();
  #timer: NodeJS.Timeout | undefined;
  /** Simulated time the timer is set for. */
  #timerMs = Number.POSITIVE_INFINITY;
  #ringing = false;

  constructor(speedUp: number) {
    this.#speedUp = speedUp;
    this.lagToleranceMs = LAG_TOLERANCE_WALL_MS * speedUp;
  }

  nowMs(): number {
    return (performance.now() - this.#originMs) * this.#speedUp;
  }

  at(timeMs: number, task: () => void): Alarm {
    const alarm = this.#queue.add(timeMs, task);
    if (!this.#ringing && timeMs < this.#timerMs) this.#arm();
    return alarm;
  }

  /** Forgets every alarm. */
  stop(): void {
    this.#queue.clear();
    clearTimeout(this.#timer);
    this.#timerMs = Number.POSITIVE_INFINITY;
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const first = this.#queue.first;
    this.#timerMs = first?.timeMs ?? Number.POSITIVE_INFINITY;
    if (first === undefined) return;
    const delayMs = (first.timeMs - this.nowMs()) / this.#speedUp;
    this.#timer = setTimeout(this.#ring, Math.max(0, Math.round(delayMs)));
  }

  readonly #ring = (): void => {
    this.#ringing = true;
    try {
      for (let rung = 0; rung < MAX_IN_A_ROW; rung += 1) {
        const first = this.#queue.first;
        if (first === undefined || first.timeMs > this.nowMs() + SLACK_WALL_MS * this.#speedUp) break;
        this.#queue.take();
        first.ring();
      }
    } finally {
      this.#ringing = false;
      this.#arm();
    }
  };
}
