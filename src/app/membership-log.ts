import type { MembershipChange } from '../datastore/endpoint-table.ts';
import type { Logger } from '../telemetry/log.ts';

/** Pools that change all the time are told of once in so long. */
const REST_MS = 1_000;

/** Has something done after so many milliseconds. */
type Later = (run: () => void, ms: number) => void;

/** Tells the log of endpoints that come and go: the first change at once, those soon after it together. */
export class MembershipLog {
  readonly #log: Logger;
  #added = 0;
  #removed = 0;
  #refused = 0;
  #endpoints = 0;
  #isResting = false;
  readonly #later: Later;

  constructor(log: Logger, later: Later = (run, ms) => void setTimeout(run, ms).unref()) {
    this.#log = log;
    this.#later = later;
  }

  /** One replacement of the table; `endpoints` is how many there are now. */
  note({ added, removed, refused }: MembershipChange, endpoints: number): void {
    this.#added += added;
    this.#removed += removed;
    this.#refused = refused;
    this.#endpoints = endpoints;
    if (!this.#isResting) this.#tell();
  }

  #tell(): void {
    this.#isResting = false;
    if (this.#added === 0 && this.#removed === 0) return;
    const change = { added: this.#added, removed: this.#removed, endpoints: this.#endpoints };
    this.#added = this.#removed = 0;
    if (this.#refused > 0) {
      const refused = { ...change, refused: this.#refused };
      this.#log.error(refused, 'the pool is larger than the endpoint table; the rest is left out');
    } else this.#log.info(change, 'endpoints changed');
    this.#isResting = true;
    this.#later(() => this.#tell(), REST_MS);
  }
}
