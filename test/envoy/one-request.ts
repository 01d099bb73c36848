import { expect } from 'vitest';
import type { TestPicker } from '../kit/picker.ts';
import { type Backend, metricsPage, valuesOf } from './backend.ts';
import { call, chat, eventually, type Reply } from './http-call.ts';
import type { Rig } from './rig.ts';

/** One request, and what became of it. */
export interface Sent {
  readonly reply: Reply;
  /** Who got the request. */
  readonly server: Backend;
  /** Whom the picker named, best first. */
  readonly named: readonly string[];
}

/** Sends a chat, `fields` in its body besides, of which one server must get exactly one. */
export async function send(
  { url, backends }: Rig,
  headers: Readonly<Record<string, string>>,
  fields: object = {},
): Promise<Sent> {
  for (const backend of backends) backend.received.length = 0;
  const flat = ['content-type', 'application/json', ...Object.entries(headers).flat()];
  const reply = await call(url, '/v1/chat/completions', { headers: flat, body: chat('hi', fields) });
  const [server, ...others] = backends.filter(({ received }) => received.length > 0);
  expect([reply.status, others]).toEqual([200, []]);
  const named = valuesOf(server.received[0].rawHeaders, 'x-gateway-destination-endpoint')[0] ?? '';
  return { reply, server, named: named.split(',') };
}

/** Gives a server a queue, and waits until the picker has seen it, and nothing of its own in the others. */
export async function makeBusy(busy: Backend, { backends }: Rig, { table }: TestPicker): Promise<void> {
  busy.metrics = metricsPage(50);
  await eventually('the queue was scraped', () =>
    backends.every((backend) => {
      const slot = table.byHostPort(backend.hostPort)?.slot ?? -1;
      return table.signals.waiting[slot] === (backend === busy ? 50 : 0);
    }),
  );
}
