import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { request } from 'undici';
import * as v from 'valibot';
import { HEALTH_STATES } from '../../src/core/health.ts';
import { type Child, startChild } from './child.ts';
import { freePort } from './free-port.ts';

const SCRAPED_WITHIN_MS = 15_000;
/** Longer than it serves on and waits for open streams together. */
const STOPS_WITHIN_MS = 15_000;

/** The log line that `serve` writes once it serves. */
const Serving = v.object({ msg: v.literal('serving') });

/** What `/debug/endpoints` tells, as far as it is read here. */
const Endpoints = v.array(
  v.object({
    endpoint: v.string(),
    address: v.string(),
    metricsAgeMs: v.nullable(v.number()),
    inflight: v.number(),
    health: v.picklist(HEALTH_STATES),
  }),
);

export type PickerEndpoints = v.InferOutput<typeof Endpoints>;

/** One line of the family that counts picks, with the endpoint's name and the count. */
const PICK = /^llm_d_epp_scheduler_attempts_total\{(?=[^}]*status="success")[^}]*endpoint_name="([^"]*)"[^}]*\} (\S+)/;
/** What Node says when its inspector listens. */
const INSPECTOR = /^Debugger listening on (ws:\S+)/;
const RESIDENT = /^process_resident_memory_bytes (\S+)/m;

export interface PickerOptions {
  readonly configFile: string;
  readonly logFolder: string;
  /** Further flags of `pointsman serve`. */
  readonly flags?: readonly string[] | undefined;
  /** Whether Node's inspector listens, on a free port. */
  readonly inspect?: boolean | undefined;
}

/** `pointsman serve` as a process, with cleartext metrics and a TLS port; it keeps its ports when it is restarted. */
export class PickerProcess {
  readonly #options: PickerOptions;
  #running: Running;

  private constructor(options: PickerOptions, running: Running) {
    this.#options = options;
    this.#running = running;
  }

  static async start(options: PickerOptions): Promise<PickerProcess> {
    return new PickerProcess(options, await run(options, await freePorts()));
  }

  get grpcPort(): number {
    return this.#running.ports.grpcPort;
  }

  get metricsPort(): number {
    return this.#running.ports.metricsPort;
  }

  /** `ws://...` of its inspector. Throws when it was started without one. */
  get inspectorUrl(): string {
    const { inspectorUrl } = this.#running;
    if (inspectorUrl === undefined) throw new Error('the picker was started without inspect');
    return inspectorUrl;
  }

  /** Ends it, in order or by SIGKILL, and starts it anew; resolves when it serves again. */
  async restart(how: 'in order' | 'SIGKILL'): Promise<void> {
    const { child, ports } = this.#running;
    if (how === 'SIGKILL') child.signal('SIGKILL');
    await child.stop(STOPS_WITHIN_MS);
    this.#running = await run(this.#options, ports);
  }

  /**
   * Puts another one in its place, as a rollout does: `announce` is told the ports of both once the new one serves,
   * and those of the new one alone while the old one is ended in order.
   */
  async replace(announce: (grpcPorts: readonly number[]) => Promise<void>): Promise<void> {
    const old = this.#running;
    const next = await run(this.#options, await freePorts());
    this.#running = next;
    try {
      await announce([old.ports.grpcPort, next.ports.grpcPort]);
      await announce([next.ports.grpcPort]);
    } finally {
      await old.child.stop(STOPS_WITHIN_MS);
    }
  }

  /** Resolves once it scraped all of `count` endpoints. */
  async scraped(count: number): Promise<void> {
    const deadlineMs = performance.now() + SCRAPED_WITHIN_MS;
    for (;;) {
      const known = (await this.endpoints()).filter(({ metricsAgeMs }) => metricsAgeMs !== null);
      if (known.length >= count) return;
      if (performance.now() > deadlineMs) throw new Error(`the picker has seen ${known.length} of ${count} servers`);
      await delay(20);
    }
  }

  /** How often each endpoint was picked so far, by its name. */
  async picks(): Promise<Record<string, number>> {
    return readPicks(await this.#get('/metrics'));
  }

  /** Requests in its books, and its resident memory. */
  async state(): Promise<{ readonly inflight: number; readonly residentBytes: number }> {
    const [endpoints, metrics] = [await this.endpoints(), await this.#get('/metrics')];
    return {
      inflight: endpoints.reduce((sum, { inflight }) => sum + inflight, 0),
      residentBytes: Number(RESIDENT.exec(metrics)?.[1] ?? Number.NaN),
    };
  }

  /** Sum of a gauge or counter over its series; 0 when it has none. */
  async total(family: string): Promise<number> {
    const lines = (await this.#get('/metrics')).split('\n').filter((line) => /^\w+/.exec(line)?.[0] === family);
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  stop(): Promise<void> {
    return this.#running.child.stop();
  }

  /** What `/debug/endpoints` tells. */
  async endpoints(): Promise<PickerEndpoints> {
    return v.parse(Endpoints, JSON.parse(await this.#get('/debug/endpoints')));
  }

  async #get(path: string): Promise<string> {
    // A connection of its own: one that was idle may be closed just when it is used again.
    const { body } = await request(`http://127.0.0.1:${this.metricsPort}${path}`, { reset: true });
    return body.text();
  }
}

/** Picks by endpoint name out of a metrics page, over all models. */
export function readPicks(page: string): Record<string, number> {
  const picks: Record<string, number> = {};
  for (const line of page.split('\n')) {
    const [, name, count] = PICK.exec(line) ?? [];
    if (name !== undefined) picks[name] = (picks[name] ?? 0) + Number(count);
  }
  return picks;
}

interface Ports {
  readonly grpcPort: number;
  readonly metricsPort: number;
}

async function freePorts(): Promise<Ports> {
  return { grpcPort: await freePort(), metricsPort: await freePort() };
}

interface Running {
  readonly child: Child;
  readonly ports: Ports;
  readonly inspectorUrl: string | undefined;
}

async function run({ configFile, logFolder, flags = [], inspect }: PickerOptions, ports: Ports): Promise<Running> {
  const { grpcPort, metricsPort } = ports;
  const own = [`--grpc-port=${grpcPort}`, '--grpc-health-port=0', `--metrics-port=${metricsPort}`];
  let inspectorUrl: string | undefined;
  const { child } = await startChild({
    args: ['serve', '--config-file', configFile, ...own, '--drain-timeout=0s', ...flags],
    nodeFlags: inspect === true ? ['--inspect=127.0.0.1:0'] : [],
    name: 'picker',
    logFolder,
    ready(line) {
      inspectorUrl ??= INSPECTOR.exec(line)?.[1];
      return saysServing(line);
    },
  });
  return { child, ports, inspectorUrl };
}

function saysServing(line: string): true | undefined {
  return line.startsWith('{') && v.is(Serving, JSON.parse(line)) ? true : undefined;
}

/** The sample configuration of the repository. */
export const SAMPLE_CONFIG = join(import.meta.dirname, '../../config/samples/picker.yaml');
