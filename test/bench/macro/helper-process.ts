import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Order, Reply } from './helper.ts';
import type { Load, LoadResult } from './load.ts';

/** A process that makes load or answers scrapes, so that its work is not counted as anybody else's. */
export class HelperProcess {
  readonly #child: ChildProcess;

  constructor() {
    this.#child = fork(join(import.meta.dirname, 'helper.ts'), { serialization: 'advanced' });
  }

  /** Ports that answer with a metrics page until the helper is stopped. */
  async servePages(pages: number): Promise<readonly number[]> {
    const reply = await this.#ask({ pages });
    return 'ports' in reply ? reply.ports : [];
  }

  /** Makes load; throws when a request failed. */
  async run(load: Load): Promise<LoadResult> {
    // Buffers that share memory would be copied with all of it.
    const reply = await this.#ask({ load });
    if (!('result' in reply)) throw new Error('the helper did something else');
    return reply.result;
  }

  stop(): void {
    this.#child.kill();
  }

  async #ask(order: Order): Promise<Reply> {
    this.#child.send(order);
    const [reply] = (await once(this.#child, 'message')) as [Reply];
    if ('failed' in reply) throw new Error(reply.failed);
    return reply;
  }
}
