import { connect } from 'node:http2';
import type { Clock } from '../../core/clock.ts';
import { createGrpcServer } from '../../ext-proc/grpc-server.ts';
import { listen } from '../../ext-proc/listener.ts';
import { externalProcessor } from '../../ext-proc/service.ts';
import { EXT_PROC_PROCESS_PATH } from '../../protos/ext-proc.ts';
import { createLog } from '../../telemetry/log.ts';
import { Metrics } from '../../telemetry/metrics.ts';
import { readConfig } from '../config.ts';
import { buildCore, type PickerCore } from '../core.ts';
import type { PickerSettings } from '../settings.ts';
import { type Rehearsal, rehearsals } from './rehearsals.ts';
import { sendCall } from './send-call.ts';

/** Requests in flight to a stage: enough for the ways that only a busy picker goes. */
const CONCURRENT = 4;
const ENDPOINTS = 8;
/**
 * How long each stage waits for the first request before a connection is rewritten: at once, as it is behind Istio,
 * and never. There are two because of one alone the compiler would learn its very objects by heart, and forget
 * everything at the sight of the picker's own.
 */
const STAGE_PEEKS_MS = [0, 1000];

/**
 * Serves made-up requests for `budgetMs`, so that the code of a request is compiled before the first one that counts:
 * a picker that has just started takes several times as long for a request as one that is warm. The requests come over
 * loopback ports to cores of their own with the built-in configuration; the pool, plugins and metrics of the picker
 * never hear of them. Resolves with how many there were. Rejects when a loopback port cannot be had or a request goes
 * wrong.
 */
export async function warmUp(settings: PickerSettings, budgetMs: number, clock: Clock): Promise<number> {
  const endMs = clock.nowMs() + budgetMs;
  const calls = rehearsals();
  const stages = STAGE_PEEKS_MS.map((peekTimeoutMs) => rehearse(calls, { settings, peekTimeoutMs, endMs, clock }));
  const sent = await Promise.all(stages);
  return sent.reduce((sum, each) => sum + each, 0);
}

interface Stage {
  readonly settings: PickerSettings;
  readonly peekTimeoutMs: number;
  readonly endMs: number;
  readonly clock: Clock;
}

async function rehearse(calls: readonly Rehearsal[], stage: Stage): Promise<number> {
  const { settings, peekTimeoutMs, endMs, clock } = stage;
  const core = buildRehearsalCore(settings, clock);
  const server = createGrpcServer();
  const routes = { [EXT_PROC_PROCESS_PATH]: externalProcessor({ director: core.director, log: SILENT }) };
  const listener = await listen({ server, routes, host: '127.0.0.1', port: 0, peekTimeoutMs });
  const session = connect(`http://127.0.0.1:${listener.port}`);
  try {
    let sent = 0;
    const keepSending = async (): Promise<void> => {
      while (clock.nowMs() < endMs) await sendCall(session, calls[sent++ % calls.length]);
    };
    await Promise.all(Array.from({ length: CONCURRENT }, keepSending));
    return sent;
  } finally {
    session.destroy();
    await listener.close();
    core.close();
  }
}

const SILENT = createLog('silent');

function buildRehearsalCore(settings: PickerSettings, clock: Clock): PickerCore {
  const config = readConfig(undefined, { file: undefined, allowExperimental: false });
  const core = buildCore(config, settings, new Metrics({ processMetrics: false }), SILENT);
  // Addresses that nobody has (RFC 5737); nobody connects to them either.
  core.table.replace(
    Array.from({ length: ENDPOINTS }, (_, i) => ({
      namespace: '',
      name: `rehearsal-${i}`,
      address: `192.0.2.${i + 1}`,
      port: 8000,
      labels: {},
    })),
  );
  const { waiting, running, kvUsage, scrapedAtMs } = core.table.signals;
  for (const slot of core.table.all) {
    waiting[slot] = slot % 4;
    running[slot] = slot % 5;
    kvUsage[slot] = (slot % 7) / 7;
    scrapedAtMs[slot] = clock.nowMs();
  }
  return core;
}
