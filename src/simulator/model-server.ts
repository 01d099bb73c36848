import { joinHostPort } from '../lib/host-port.ts';
import { normalOf, parseFaultPatch, statesOf, type FaultPatch, type Faults } from './faults.ts';
import { Listener } from './http/listener.ts';
import { createRouter } from './http/router.ts';
import { Pod } from './pod.ts';
import type { Role } from './roles.ts';
import { resolveOptions, type ModelServerOptions, type ResolvedOptions } from './server-options.ts';

/** A server at a glance. Load gauges are those of the last engine step; counters start anew with every life. */
export interface ModelServerState {
  readonly name: string;
  readonly url: string;
  /** Whether the process is alive; a crashed server stays in the state it died in. */
  readonly alive: boolean;
  /** Absent for a server that does it all. */
  readonly role?: Role | undefined;
  readonly running: number;
  readonly waiting: number;
  /** Requests anywhere in the server, those not yet in the engine's queue included. */
  readonly inFlight: number;
  /** Share of KV-cache blocks held, 0..1. */
  readonly kvUsage: number;
  readonly blocks: number;
  readonly freeBlocks: number;
  /** Blocks a prefix can hit. */
  readonly cachedBlocks: number;
  readonly promptTokens: number;
  readonly promptTokensCached: number;
  /** Of the cached ones, those that another server computed. */
  readonly promptTokensReceived: number;
  /** Requests whose prompt another server computed, by that server's `host:port`. */
  readonly prefilledBy: Readonly<Record<string, number>>;
  readonly generationTokens: number;
  readonly preemptions: number;
  /** Requests completed; aborted ones are not. */
  readonly completed: number;
  readonly faults: Faults;
}

/** A simulated vLLM server, listening. */
export interface ModelServer {
  readonly name: string;
  readonly host: string;
  /** The same over crashes and restarts. */
  readonly port: number;
  /** `http://host:port` */
  readonly url: string;
  /** Absent for a server that does it all. */
  readonly role: Role | undefined;
  state(): ModelServerState;
  /** Changes what is wrong with it; resolves when it is. Rejects with `ConfigError` for a knob it does not have. */
  setFaults(patch: FaultPatch): Promise<void>;
  /** Dies at once: connections drop, the port refuses. Resolves when the last connection is gone. */
  crash(): Promise<void>;
  /** Starts anew on the same port with nothing cached, nothing counted and no faults; crashes first if need be. */
  restart(): Promise<void>;
  /** Stops for good. */
  close(): Promise<void>;
}

/**
 * Starts a model server. Rejects with `ConfigError` for an option out of range, with the system's error when the port
 * is taken (`EADDRINUSE`).
 */
export async function startModelServer(options: ModelServerOptions = {}): Promise<ModelServer> {
  const server = new SimulatedServer(resolveOptions(options));
  await server.start();
  return server;
}

class SimulatedServer implements ModelServer {
  readonly name: string;
  readonly host: string;
  port: number;
  readonly #options: ResolvedOptions;
  readonly #listener = new Listener();
  readonly #recoveries = new Set<NodeJS.Timeout>();
  #pod: Pod;
  #alive = false;
  #closed = false;
  /** Port changes one after the other: a restart in the middle of a crash would lose the port. */
  #change: Promise<void> = Promise.resolve();

  constructor(options: ResolvedOptions) {
    this.name = options.name;
    this.host = options.host;
    this.port = options.port;
    this.#options = options;
    this.#pod = new Pod(options);
  }

  get url(): string {
    return `http://${joinHostPort(this.host, this.port)}`;
  }

  get role(): Role | undefined {
    return this.#options.role;
  }

  async start(): Promise<void> {
    await this.#listen();
    this.#alive = true;
  }

  state(): ModelServerState {
    const { engine, faults } = this.#pod;
    const { stats, pool } = engine;
    return {
      name: this.name,
      url: this.url,
      alive: this.#alive,
      role: this.role,
      running: stats.running,
      waiting: stats.waiting,
      inFlight: engine.inFlight,
      kvUsage: stats.kvUsage,
      blocks: pool.size,
      freeBlocks: pool.free,
      cachedBlocks: pool.cached,
      promptTokens: stats.promptTokens,
      promptTokensCached: stats.promptTokensCached,
      promptTokensReceived: stats.promptTokensReceived,
      prefilledBy: Object.fromEntries(this.#pod.prefilledBy),
      generationTokens: stats.generationTokens,
      preemptions: stats.preemptions,
      completed: stats.finished.stop + stats.finished.length,
      faults,
    };
  }

  async setFaults(input: FaultPatch): Promise<void> {
    const patch = parseFaultPatch(input);
    const states = statesOf(patch);
    if (patch.crash === true) await this.crash();
    else await this.#inTurn(() => this.#apply(states));
    if (patch.stallSeconds !== undefined) this.#pod.engine.stall(patch.stallSeconds * 1000);
    if (patch.forSeconds === undefined || this.#closed) return;
    const recovery = setTimeout(() => {
      this.#recoveries.delete(recovery);
      void this.#recover(patch.crash === true, states);
    }, patch.forSeconds * 1000);
    this.#recoveries.add(recovery);
  }

  crash(): Promise<void> {
    this.#forgetRecoveries();
    return this.#inTurn(() => this.#die());
  }

  restart(): Promise<void> {
    this.#forgetRecoveries();
    return this.#inTurn(async () => {
      await this.#die();
      if (this.#closed) return;
      this.#pod = new Pod(this.#options);
      await this.#listen();
      this.#alive = true;
    });
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#forgetRecoveries();
    return this.#inTurn(() => this.#die());
  }

  #inTurn(change: () => Promise<void>): Promise<void> {
    const done = this.#change.then(change);
    this.#change = done.catch(() => undefined);
    return done;
  }

  async #die(): Promise<void> {
    this.#alive = false;
    this.#pod.close();
    await this.#listener.drop();
  }

  async #listen(): Promise<void> {
    const router = createRouter(this.#pod, {
      state: () => this.state(),
      faults: () => this.#pod.faults,
      setFaults: (patch) => this.setFaults(patch),
    });
    this.port = await this.#listener.open(this.host, this.port, router);
  }

  async #apply(states: Partial<Faults>): Promise<void> {
    if (!this.#alive) return;
    const faults = { ...this.#pod.faults, ...states };
    const refusedBefore = this.#pod.faults.refuseConnections;
    this.#pod.faults = faults;
    if (faults.refuseConnections && !refusedBefore) this.#listener.refuse();
    if (!faults.refuseConnections && refusedBefore) await this.#listen();
  }

  async #recover(crashed: boolean, states: Partial<Faults>): Promise<void> {
    // The port may have been taken meanwhile; then the server stays down, as a real one would.
    if (crashed) return this.restart().catch(() => undefined);
    return this.#inTurn(() => this.#apply(normalOf(states))).catch(() => undefined);
  }

  #forgetRecoveries(): void {
    for (const recovery of this.#recoveries) clearTimeout(recovery);
    this.#recoveries.clear();
  }
}
