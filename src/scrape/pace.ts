/** Shortest interval: servers renew their gauges once per engine step, 10 to 60 ms under load. */
export const MIN_INTERVAL_MS = 50;
/** Longest interval the CPU budget can cause. */
const MAX_STRETCHED_MS = 5000;
/** The cost is measured over at least this long and this many scrapes. */
const WINDOW_MS = 500;
const WINDOW_SCRAPES = 32;
/** Weight of the newest window in the running cost. */
const WEIGHT = 0.5;

/**
 * Decides how often each endpoint is scraped: as configured, or less often when that would use more CPU than allowed.
 *
 *     interval = max(configured, endpoints * cost of a scrape / budget)
 */
export class Pace {
  readonly #configuredMs: number;
  readonly #cpuBudget: number;
  readonly #threadCpuMs: () => number;
  #windowStartMs: number;
  #windowCpuMs: number;
  #windowScrapes = 0;
  #costMs = 0;
  #intervalMs: number;

  /** `cpuBudget`: cores the thread may use. `threadCpuMs`: CPU time of this thread so far. */
  constructor(intervalMs: number, cpuBudget: number, nowMs: number, threadCpuMs: () => number) {
    this.#configuredMs = Math.max(MIN_INTERVAL_MS, intervalMs);
    this.#intervalMs = this.#configuredMs;
    this.#cpuBudget = cpuBudget;
    this.#threadCpuMs = threadCpuMs;
    this.#windowStartMs = nowMs;
    this.#windowCpuMs = threadCpuMs();
  }

  /** Milliseconds between two scrapes of one endpoint. */
  get intervalMs(): number {
    return this.#intervalMs;
  }

  /** CPU milliseconds a scrape costs, 0 before it is known. */
  get costMs(): number {
    return this.#costMs;
  }

  /** A scrape has ended, well or badly. */
  scraped(): void {
    this.#windowScrapes++;
  }

  /** Adjusts the interval for a pool of `endpoints`. */
  adjust(nowMs: number, endpoints: number): void {
    if (nowMs - this.#windowStartMs >= WINDOW_MS && this.#windowScrapes >= WINDOW_SCRAPES) this.#closeWindow(nowMs);
    const affordableMs = Math.min(MAX_STRETCHED_MS, (endpoints * this.#costMs) / this.#cpuBudget);
    this.#intervalMs = Math.max(this.#configuredMs, affordableMs);
  }

  #closeWindow(nowMs: number): void {
    const cpuMs = this.#threadCpuMs();
    const cost = (cpuMs - this.#windowCpuMs) / this.#windowScrapes;
    this.#costMs = this.#costMs === 0 ? cost : this.#costMs + WEIGHT * (cost - this.#costMs);
    this.#windowStartMs = nowMs;
    this.#windowCpuMs = cpuMs;
    this.#windowScrapes = 0;
  }
}
