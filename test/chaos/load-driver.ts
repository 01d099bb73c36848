import { Agent } from 'node:http';
import { type Exchange, exchange } from './chat.ts';

/** Chats begun a second; two small cores carry it with all the parts beside it. */
const PER_SECOND = 40;
/** No more are open at once: a gateway that answers nothing does not pile them up. */
const MAX_OPEN = 100;

/** Sends chats at a steady rate, every other one streamed, and keeps what became of each. */
export class LoadDriver {
  readonly #url: () => string;
  readonly #answers: readonly (readonly [prompt: string, answer: string])[];
  readonly #agent = new Agent({ keepAlive: true });
  readonly #ended: Exchange[] = [];
  readonly #open = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  #leaving = new AbortController();
  #sent = 0;

  /** Begins at once. `answers`: the prompts that take turns, with the right answer to each. */
  constructor(url: () => string, answers: ReadonlyMap<string, string>) {
    this.#url = url;
    this.#answers = [...answers];
    this.#timer = setInterval(() => this.#send(), 1000 / PER_SECOND);
  }

  /** What has ended so far, in the order of the ends. */
  get ended(): readonly Exchange[] {
    return this.#ended;
  }

  /** The clients of all open chats go away; their chats end with what had come. */
  leave(): void {
    this.#leaving.abort();
    this.#leaving = new AbortController();
  }

  /** Sends no more and resolves when every chat has ended, which takes 60 s at most. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#open);
    this.#agent.destroy();
  }

  #send(): void {
    if (this.#open.size >= MAX_OPEN) return;
    const id = this.#sent++;
    const [prompt, answer] = this.#answers[id % this.#answers.length];
    // In pairs, so that every prompt is asked for both ways.
    const stream = Math.floor(id / this.#answers.length) % 2 === id % 2;
    const done = this.#exchange(id, { prompt, stream }, answer);
    this.#open.add(done);
    void done.finally(() => this.#open.delete(done));
  }

  async #exchange(id: number, chat: { prompt: string; stream: boolean }, answer: string): Promise<void> {
    const { signal: leave } = this.#leaving;
    this.#ended.push(await exchange(id, chat, { url: this.#url(), agent: this.#agent, leave, answer }));
  }
}
