import type { Logger } from '../telemetry/log.ts';

/** Says why a condition does not hold, in one line; undefined when it does. */
export type WhyNot = () => string | undefined;

/**
 * Everything that must hold before a gateway may send requests here. Readiness alone depends on it: the process is alive
 * whatever it says, for no restart would mend any of it.
 */
export class Readiness {
  readonly #log: Logger;
  readonly #conditions = new Map<string, WhyNot>();
  #told: string | undefined;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** From now on `whyNot` has a say. Names are for people; `leader` belongs here too. */
  require(condition: string, whyNot: WhyNot): void {
    this.#conditions.set(condition, whyNot);
  }

  /** Whether every condition holds, `except` one if that is named. */
  isReady(except?: string): boolean {
    for (const [name, whyNot] of this.#conditions) if (name !== except && whyNot() !== undefined) return false;
    return true;
  }

  /** Every condition with `ok` or why it does not hold. */
  explain(): Readonly<Record<string, string>> {
    return Object.fromEntries([...this.#conditions].map(([name, whyNot]) => [name, whyNot() ?? 'ok']));
  }

  /** To be called when a condition may have changed: tells the log when the answer did. */
  refresh(): void {
    const reasons = [...this.#conditions.values()].flatMap((whyNot) => whyNot() ?? []);
    const said = reasons.join('; ');
    if (said === this.#told) return;
    this.#told = said;
    if (said === '') this.#log.info('ready');
    else this.#log.warn(`not ready: ${said}`);
  }
}
