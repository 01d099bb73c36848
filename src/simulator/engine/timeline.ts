import type { Clock } from '../../core/clock.ts';

/** The engine's time: a clock in simulated milliseconds, and a way to be woken at one. */
export interface Timeline extends Clock {
  /** How late a task may run before the engine gives up catching up with its plan. 0 where nothing is ever late. */
  readonly lagToleranceMs: number;
  /** Runs `task` once at `timeMs`, or as soon as possible when that is past. Equal times run in the order asked. */
  at(timeMs: number, task: () => void): Alarm;
}

/** One wake-up call. */
export class Alarm {
  readonly timeMs: number;
  /** Breaks ties: earlier calls run first. */
  readonly order: number;
  #task: (() => void) | undefined;

  constructor(timeMs: number, order: number, task: () => void) {
    this.timeMs = timeMs;
    this.order = order;
    this.#task = task;
  }

  /** Never runs it; harmless when it already ran. */
  cancel(): void {
    this.#task = undefined;
  }

  /** Runs it unless it ran or was cancelled. */
  ring(): void {
    const task = this.#task;
    this.#task = undefined;
    task?.();
  }
}

/** Alarms by time: a binary heap. */
export class AlarmQueue {
  readonly #heap: Alarm[] = [];
  #order = 0;

  get first(): Alarm | undefined {
    return this.#heap[0];
  }

  add(timeMs: number, task: () => void): Alarm {
    this.#order += 1;
    const alarm = new Alarm(timeMs, this.#order, task);
    const heap = this.#heap;
    let index = heap.length;
    heap.push(alarm);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (before(heap[parent], alarm)) break;
      heap[index] = heap[parent];
      index = parent;
    }
    heap[index] = alarm;
    return alarm;
  }

  /** Removes and returns the first alarm. */
  take(): Alarm | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child += 1;
      if (before(last, heap[child])) break;
      heap[index] = heap[child];
      index = child;
    }
    heap[index] = last;
    return first;
  }

  clear(): void {
    this.#heap.length = 0;
  }
}

function before(a: Alarm, b: Alarm): boolean {
  return a.timeMs < b.timeMs || (a.timeMs === b.timeMs && a.order < b.order);
}
