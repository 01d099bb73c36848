import { connect } from 'node:net';
import type { FaultPatch } from '../../src/simulator/faults.ts';
import { type Child, startChild } from './child.ts';
import { freePort } from './free-port.ts';

/**
 * What is done to a server. `kill`: SIGKILL. `hang`: SIGSTOP. `errors`: every request is answered 503 at once. `none`:
 * whatever was done is undone; a killed server starts anew at its address.
 */
export const FAULTS = ['kill', 'hang', 'errors', 'none'] as const;

export type Fault = (typeof FAULTS)[number];

/** A simulated model server that is a process, so that it can die and stand still like one. */
export class ServerProcess {
  readonly name: string;
  readonly port: number;
  readonly #start: () => Promise<Child>;
  #child: Child;

  private constructor(name: string, port: number, start: () => Promise<Child>, child: Child) {
    this.name = name;
    this.port = port;
    this.#start = start;
    this.#child = child;
  }

  /** Starts one on a free port of 127.0.0.1; `flags` are further ones of `simulate`. Rejects when it does not come up. */
  static async start(name: string, logFolder: string, flags: readonly string[] = []): Promise<ServerProcess> {
    const port = await freePort();
    const args = ['simulate', '--servers', '1', '--name', name, '--port', String(port), ...flags];
    const start = async (): Promise<Child> => (await startChild({ args, name, logFolder, ready: saysReady })).child;
    return new ServerProcess(name, port, start, await start());
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Resolves when the fault is in force, for `none` when the server can serve again. */
  async inflict(fault: Fault): Promise<void> {
    switch (fault) {
      case 'kill':
        this.#child.signal('SIGKILL');
        return this.#child.gone;
      case 'hang':
        return this.#child.signal('SIGSTOP');
      case 'errors':
        return this.setFaults({ errorRate: 1, errorStatus: 503 });
      case 'none':
        return this.#heal();
    }
  }

  /** Turns knobs of the simulator; resolves when they are in force. */
  setFaults(patch: FaultPatch): Promise<void> {
    return this.#patchFaults('POST', patch);
  }

  /** Whether it takes new connections. */
  listens(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect(this.port, '127.0.0.1', () => resolve(true));
      socket.once('error', () => resolve(false)).once('connect', () => socket.destroy());
    });
  }

  stop(): Promise<void> {
    return this.#child.stop();
  }

  async #heal(): Promise<void> {
    this.#child.signal('SIGCONT');
    if (this.#child.alive) await this.#patchFaults('DELETE');
    else this.#child = await this.#start();
  }

  async #patchFaults(method: string, patch?: object): Promise<void> {
    const body = patch === undefined ? {} : { body: JSON.stringify(patch) };
    const response = await fetch(`${this.url}/_sim/faults`, { method, ...body });
    if (!response.ok) throw new Error(`${this.name} refused ${method} of faults: ${await response.text()}`);
  }
}

function saysReady(line: string): true | undefined {
  return line.startsWith('ready:') ? true : undefined;
}
