import { once } from 'node:events';
import type { Profiler } from 'node:inspector';

interface Answer {
  readonly id?: number;
  readonly method?: string;
  readonly result?: object;
  readonly error?: { readonly message: string };
  readonly params?: { readonly sessionId: string; readonly message: string };
}

/** Takes CPU profiles of a Node process that was started with `--inspect`, of each of its threads. */
export class RemoteProfiler {
  readonly #socket: WebSocket;
  readonly #pending = new Map<string, { done: (result: object) => void; fail: (error: Error) => void }>();
  readonly #workers = new Set<string>();
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#hear(JSON.parse(String(data)) as Answer, ''));
  }

  /** Connects to the inspector on a port of 127.0.0.1 and finds the worker threads. */
  static async connect(port: number): Promise<RemoteProfiler> {
    const listed = await fetch(`http://127.0.0.1:${port}/json/list`);
    const [{ webSocketDebuggerUrl }] = (await listed.json()) as { webSocketDebuggerUrl: string }[];
    const socket = new WebSocket(webSocketDebuggerUrl);
    await once(socket, 'open');
    const profiler = new RemoteProfiler(socket);
    await profiler.#send('NodeWorker.enable', { waitForDebuggerOnStart: false });
    return profiler;
  }

  async start(intervalUs: number): Promise<void> {
    for (const thread of this.#threads()) {
      await this.#send('Profiler.enable', {}, thread);
      await this.#send('Profiler.setSamplingInterval', { interval: intervalUs }, thread);
      await this.#send('Profiler.start', {}, thread);
    }
  }

  /** The profile of each thread, the main one first. */
  async stop(): Promise<Profiler.Profile[]> {
    const profiles: Profiler.Profile[] = [];
    for (const thread of this.#threads()) {
      const { profile } = (await this.#send('Profiler.stop', {}, thread)) as { profile: Profiler.Profile };
      profiles.push(profile);
    }
    return profiles;
  }

  close(): void {
    this.#socket.close();
  }

  /** Empty text is the main thread. */
  #threads(): string[] {
    return ['', ...this.#workers];
  }

  #send(method: string, params: object, thread = ''): Promise<object> {
    const id = ++this.#lastId;
    const message = { id, method, params };
    const { promise, resolve, reject } = Promise.withResolvers<object>();
    this.#pending.set(`${thread} ${id}`, { done: resolve, fail: reject });
    if (thread === '') this.#socket.send(JSON.stringify(message));
    else {
      const wrapped = { sessionId: thread, message: JSON.stringify(message) };
      void this.#send('NodeWorker.sendMessageToWorker', wrapped);
    }
    return promise;
  }

  #hear({ id, method, params, result, error }: Answer, thread: string): void {
    if (params !== undefined && method === 'NodeWorker.attachedToWorker') this.#workers.add(params.sessionId);
    if (params !== undefined && method === 'NodeWorker.receivedMessageFromWorker') {
      this.#hear(JSON.parse(params.message) as Answer, params.sessionId);
    }
    const key = `${thread} ${id}`;
    const pending = this.#pending.get(key);
    if (pending === undefined) return;
    this.#pending.delete(key);
    if (error === undefined) pending.done(result ?? {});
    else pending.fail(new Error(error.message));
  }
}
