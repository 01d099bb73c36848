import type { EndpointTable } from '../../src/datastore/endpoint-table.ts';
import { Objectives } from '../../src/datastore/objectives.ts';
import { ModelRewrites } from '../../src/datastore/rewrites.ts';
import { Capacity } from '../../src/ext-proc/capacity.ts';
import { ExtProcStream } from '../../src/ext-proc/stream.ts';
import { openaiParser } from '../../src/plugins/parsers/openai.ts';
import { createDirector } from '../../src/request/director.ts';
import type { ProcessingResponse } from '../../src/protos/ext-proc.ts';
import type { Director } from '../../src/request/exchange.ts';
import { ParserChoice } from '../../src/request/parser-choice.ts';
import type { Tracing, TracingOptions } from '../../src/tracing/tracing.ts';
import { manualClock } from '../kit/clock.ts';
import { requestPlan } from '../kit/plan.ts';
import { create } from '../kit/plugins.ts';
import { listRecorder } from '../kit/recorder.ts';
import { defaultScheduler } from '../kit/scheduler.ts';
import { message, RecordingWire } from '../wire/support.ts';

export const CHAT = '{"model":"m","messages":[{"role":"user","content":"hello"}]}';

/** Options of tracing whose log is kept. */
export function tracingOptions(): TracingOptions & { readonly lines: string[] } {
  const lines: string[] = [];
  const log = { info: (line: string) => void lines.push(line), warn: (line: string) => void lines.push(line) };
  return { clock: manualClock(), version: '0.0.0-test', log, lines };
}

/** A whole director over `pool` with the default profile, its decisions told to `tracing`. */
export function tracedDirector(pool: EndpointTable, tracing: Tracing): Director {
  const objectives = new Objectives();
  const plan = requestPlan({
    parsers: new ParserChoice([create(openaiParser)]),
    scheduler: defaultScheduler(pool, {
      fallbacks: 1,
      listener: (decision) => tracing.listener(decision.request)?.(decision),
    }),
  });
  const director = createDirector({
    clock: manualClock(),
    pool,
    plan: () => plan,
    objectives,
    rewrites: new ModelRewrites(),
    recorder: listRecorder(),
    newRequestId: () => 'made-id',
    obeySubset: true,
  });
  return tracing.wrap(director, pool);
}

/** A request and its response over a real stream; what the proxy was told to do to the request's headers. */
export function carry(
  director: Director,
  headers: Record<string, string> = {},
  options: { status?: string; body?: string; endedBy?: 'peer' | 'break' } = {},
): { set: Record<string, string>; removed: readonly string[]; refusal: number | undefined } {
  const wire = new RecordingWire();
  const stream = new ExtProcStream({ director, capacity: new Capacity(), maxBodyBytes: 1e6 }, wire);
  const all = { ':path': '/v1/chat/completions?x=secret', ':method': 'POST', 'x-request-id': 'r1', ...headers };
  stream.receive(message.requestHeaders(false, all));
  stream.receive(message.requestBody(options.body ?? CHAT, true));
  if (stream.phase !== 'closed') {
    stream.receive(message.responseHeaders(false, { ':status': options.status ?? '200' }));
    if (options.endedBy === 'break') stream.break();
    else {
      stream.receive(message.responseBody('{}', true));
      stream.halfClose();
    }
  }
  const [answer] = wire.answers;
  return { ...headerChanges(answer), refusal: answer.immediateResponse?.status?.code ?? undefined };
}

function headerChanges(answer: ProcessingResponse): { set: Record<string, string>; removed: readonly string[] } {
  const mutation = answer.requestHeaders?.response?.headerMutation;
  const set: Record<string, string> = {};
  for (const { header } of mutation?.setHeaders ?? []) {
    set[header?.key ?? ''] = Buffer.from(header?.rawValue ?? []).toString();
  }
  return { set, removed: mutation?.removeHeaders ?? [] };
}
