import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import * as v from 'valibot';
import { type Child, startChild } from './child.ts';

const SCRAPED_WITHIN_MS = 15_000;

/** The log line that `serve` writes once it serves. */
const Serving = v.object({ msg: v.literal('serving'), grpcPort: v.number(), metricsPort: v.number() });

/** What `/debug/endpoints` tells, as far as it is read here. */
const Endpoints = v.array(v.object({ metricsAgeMs: v.nullable(v.number()), inflight: v.number() }));

/** One line of the family that counts picks, with the endpoint's name and the count. */
const PICK = /^llm_d_epp_scheduler_attempts_total\{(?=[^}]*status="success")[^}]*endpoint_name="([^"]*)"[^}]*\} (\S+)/;
const RESIDENT = /^process_resident_memory_bytes (\S+)/m;

/** `pointsman serve` as a process, with cleartext metrics and a TLS port, both on free ports. */
export class PickerProcess {
  readonly grpcPort: number;
  readonly metricsPort: number;
  readonly #child: Child;

  private constructor(child: Child, grpcPort: number, metricsPort: number) {
    this.#child = child;
    this.grpcPort = grpcPort;
    this.metricsPort = metricsPort;
  }

  static async start(configFile: string, logFolder: string): Promise<PickerProcess> {
    const ports = ['--grpc-port=0', '--grpc-health-port=0', '--metrics-port=0'];
    const { child, ready } = await startChild({
      args: ['serve', '--config-file', configFile, ...ports, '--drain-timeout=0s'],
      name: 'picker',
      logFolder,
      ready: readServing,
    });
    return new PickerProcess(child, ready.grpcPort, ready.metricsPort);
  }

  /** Resolves once it scraped all of `count` endpoints. */
  async scraped(count: number): Promise<void> {
    const deadlineMs = performance.now() + SCRAPED_WITHIN_MS;
    for (;;) {
      const known = (await this.#endpoints()).filter(({ metricsAgeMs }) => metricsAgeMs !== null);
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
    const [endpoints, metrics] = [await this.#endpoints(), await this.#get('/metrics')];
    return {
      inflight: endpoints.reduce((sum, { inflight }) => sum + inflight, 0),
      residentBytes: Number(RESIDENT.exec(metrics)?.[1] ?? Number.NaN),
    };
  }

  stop(): Promise<void> {
    return this.#child.stop();
  }

  async #endpoints(): Promise<v.InferOutput<typeof Endpoints>> {
    return v.parse(Endpoints, JSON.parse(await this.#get('/debug/endpoints')));
  }

  async #get(path: string): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.metricsPort}${path}`)).text();
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

function readServing(line: string): v.InferOutput<typeof Serving> | undefined {
  if (!line.startsWith('{')) return undefined;
  const parsed = v.safeParse(Serving, JSON.parse(line));
  return parsed.success ? parsed.output : undefined;
}

/** The sample configuration of the repository. */
export const SAMPLE_CONFIG = join(import.meta.dirname, '../../config/samples/picker.yaml');
