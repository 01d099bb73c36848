import type { ServerProcess } from './server-process.ts';
import type { Stack } from './stack.ts';

/** Takes one server after the other out of the picker's pool and puts it back, so many changes a second. */
export class Churn {
  readonly #stack: Pick<Stack, 'servers' | 'setEndpoints'>;
  #timer: NodeJS.Timeout | undefined;
  #changes = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(stack: Pick<Stack, 'servers' | 'setEndpoints'>) {
    this.#stack = stack;
  }

  /** 0 stops it, with the whole pool back; resolves when that is written. */
  async set(perSecond: number): Promise<void> {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (perSecond > 0) this.#timer = setInterval(() => this.#change(), 1000 / perSecond).unref();
    else this.#write(this.#stack.servers);
    await this.#writing;
  }

  #change(): void {
    const { servers } = this.#stack;
    const absent = servers[Math.floor(this.#changes / 2) % servers.length];
    const out = this.#changes % 2 === 0;
    this.#changes += 1;
    this.#write(out ? servers.filter((server) => server !== absent) : servers);
  }

  /** One after the other: the last state written is the last one asked for. */
  #write(servers: readonly ServerProcess[]): void {
    this.#writing = this.#writing.then(() => this.#stack.setEndpoints(servers));
  }
}
