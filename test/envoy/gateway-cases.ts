import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Backend, valuesOf } from './backend.ts';
import { call, chat, eventually } from './http-call.ts';
import { type Rig, type StartRigGateway, type StartRigPicker, startRig } from './rig.ts';

const JSON_HEADERS = ['content-type', 'application/json'];

export interface CasesOptions {
  readonly startPicker: StartRigPicker;
  readonly startGateway: StartRigGateway;
  readonly secure: boolean;
  /** Whether a request survives a server that takes it and dies before it answers. */
  readonly retriesResets: boolean;
}

/** What every pair of gateway and picker must do. */
export function gatewayCases(name: string, options: CasesOptions): void {
  describe(name, () => {
    let rig: Rig;
    beforeAll(async () => {
      rig = await startRig({ ...options, backends: 3 });
    });
    afterAll(() => rig.stop());
    beforeEach(() => {
      for (const backend of rig.backends) {
        backend.received.length = 0;
        backend.answer = ok;
      }
    });

    it('a POST reaches the endpoint the picker named, byte for byte', async () => {
      const body = `{"model":"m",  "messages":[{"role":"user","content":"é \\u00e9"}], "n":9007199254740993}`;
      const reply = await call(rig.url, '/v1/chat/completions', { headers: JSON_HEADERS, body });
      expect(reply.status).toBe(200);
      expect(reply.body.toString()).toBe('{"ok":true}');
      const [backend, received] = theOnlyOne(rig.backends);
      expect(received.body.toString()).toBe(body);
      expect(namedFirst(received)).toBe(backend.hostPort);
    });

    it('a GET reaches the endpoint the picker named', async () => {
      const reply = await call(rig.url, '/v1/models', { method: 'GET' });
      expect(reply.status).toBe(200);
      const [backend, received] = theOnlyOne(rig.backends);
      expect([received.method, received.path]).toEqual(['GET', '/v1/models']);
      expect(namedFirst(received)).toBe(backend.hostPort);
    });

    it('headers that repeat keep all their values, both ways', async () => {
      for (const backend of rig.backends) {
        backend.answer = (_received, response) => {
          response.writeHead(200, ['set-cookie', 'a=1', 'set-cookie', 'b=2', 'content-type', 'application/json']);
          response.end('{}');
        };
      }
      const headers = [...JSON_HEADERS, 'x-twice', '1', 'x-twice', '2'];
      const reply = await call(rig.url, '/v1/chat/completions', { headers, body: chat('hi') });
      expect(reply.headers['set-cookie']).toEqual(['a=1', 'b=2']);
      expect(valuesOf(theOnlyOne(rig.backends)[1].rawHeaders, 'x-twice').join(',').replaceAll(' ', '')).toBe('1,2');
    });

    it.each([1, 20])('a body of %i MB arrives as it was sent', async (megabytes) => {
      const body = chat(randomBytes(megabytes * 500_000).toString('hex'));
      expect(body.length).toBeGreaterThan(megabytes * 1_000_000);
      const reply = await call(rig.url, '/v1/chat/completions', { headers: JSON_HEADERS, body });
      expect(reply.status).toBe(200);
      expect(theOnlyOne(rig.backends)[1].body.equals(Buffer.from(body))).toBe(true);
    });

    it('the status and body of a server that fails are passed on', async () => {
      for (const backend of rig.backends) {
        backend.answer = (_received, response) => {
          response.writeHead(418, { 'content-type': 'application/json' });
          response.end('{"error":"teapot"}');
        };
      }
      const reply = await call(rig.url, '/v1/chat/completions', { headers: JSON_HEADERS, body: chat('hi') });
      expect([reply.status, reply.body.toString()]).toEqual([418, '{"error":"teapot"}']);
    });

    it('a stream is passed on event by event', async () => {
      const stream = new StreamingBackends(rig.backends);
      const client = openStream(rig.url);
      await stream.opened;
      stream.write('data: one\n\n');
      await eventually('the first event', () => client.text() === 'data: one\n\n');
      stream.write('data: [DONE]\n\n');
      stream.end();
      await client.ended;
      expect(client.text()).toBe('data: one\n\ndata: [DONE]\n\n');
      await eventually('the books are empty', () => rig.picker.table.books.total === 0);
    });

    it('a client that leaves in mid-stream frees its place and stops the server', async () => {
      const stream = new StreamingBackends(rig.backends);
      const client = openStream(rig.url);
      await stream.opened;
      stream.write('data: one\n\n');
      await eventually('the first event', () => client.text() !== '');
      expect(rig.picker.table.books.total).toBe(1);
      client.leave();
      await eventually('the books are empty', () => rig.picker.table.books.total === 0);
      await stream.left;
    });

    it('many requests at once are all answered', async () => {
      const calls = Array.from({ length: 200 }, (_, index) =>
        call(rig.url, '/v1/chat/completions', { headers: JSON_HEADERS, body: chat(`number ${index}`) }),
      );
      const replies = await Promise.all(calls);
      expect(replies.filter(({ status }) => status !== 200)).toEqual([]);
      expect(rig.backends.reduce((sum, { received }) => sum + received.length, 0)).toBe(200);
    });

    it('the gateway had nothing to complain about', async () => {
      expect(Object.values(await rig.gateway.complaints()).every((count) => count === 0)).toBe(true);
    });

    // From here on servers die, so these come last.
    it.runIf(options.retriesResets)(
      'a request whose server dies before it answers gets its answer elsewhere',
      async () => {
        const victims: Backend[] = [];
        for (const backend of rig.backends) {
          backend.answer = (received, response, incoming) => {
            if (victims.length > 0) return ok(received, response, incoming);
            victims.push(backend);
            incoming.socket.destroy();
          };
        }
        const reply = await call(rig.url, '/v1/chat/completions', { headers: JSON_HEADERS, body: chat('hi') });
        expect(reply.status).toBe(200);
        expect(rig.backends.reduce((sum, { received }) => sum + received.length, 0)).toBe(2);
        expect(victims[0].received.length).toBe(1);
      },
    );

    it('with one endpoint dead the next in the list answers, whatever the size of the body', async () => {
      await rig.backends[0].die();
      const rescuedBefore = await rig.gateway.rescued();
      for (let i = 0; i < 30; i++) {
        const body = chat('x'.repeat(i * 10_000));
        const reply = await call(rig.url, '/v1/chat/completions', { headers: JSON_HEADERS, body });
        expect(reply.status).toBe(200);
      }
      const received = rig.backends.flatMap((backend) => backend.received.map((each) => [backend, each] as const));
      expect(received.length).toBe(30);
      // Whoever answered was the first in the list that is alive.
      for (const [backend, { rawHeaders }] of received) {
        const list = (valuesOf(rawHeaders, 'x-gateway-destination-endpoint')[0] ?? '').split(',');
        expect(list.find((hostPort) => hostPort !== rig.backends[0].hostPort)).toBe(backend.hostPort);
      }
      const named = received.filter(([, each]) => namedFirst(each) === rig.backends[0].hostPort).length;
      expect((await rig.gateway.rescued()) - rescuedBefore).toBe(named);
      await eventually('the books are empty', () => rig.picker.table.books.total === 0);
    });

    it('with all endpoints dead the answer is 503 and the books are empty', async () => {
      await Promise.all(rig.backends.map((backend) => backend.die()));
      const reply = await call(rig.url, '/v1/chat/completions', { headers: JSON_HEADERS, body: chat('hi') });
      expect(reply.status).toBe(503);
      await eventually('the books are empty', () => rig.picker.table.books.total === 0);
    });
  });

  describe(`${name}, empty pool`, () => {
    let rig: Rig;
    beforeAll(async () => {
      rig = await startRig({ ...options, backends: 0 });
    });
    afterAll(() => rig.stop());

    it('refuses with 503 and the reason', async () => {
      const reply = await call(rig.url, '/v1/chat/completions', { headers: JSON_HEADERS, body: chat('hi') });
      expect(reply.status).toBe(503);
      expect(reply.headers['x-llm-d-request-dropped-reason']).toBe('rejected-no-endpoints');
      expect(reply.headers['content-type']).toBe('application/json');
      expect(JSON.parse(reply.body.toString())).toMatchObject({
        error: {
          message: 'inference error: ServiceUnavailable - failed to find endpoint candidates for serving the request',
        },
      });
    });
  });
}

const ok: Backend['answer'] = (_received, response) => {
  response.setHeader('content-type', 'application/json');
  response.end('{"ok":true}');
};

function theOnlyOne(backends: readonly Backend[]): [Backend, Backend['received'][number]] {
  const [backend, ...others] = backends.filter(({ received }) => received.length > 0);
  expect(others).toEqual([]);
  expect(backend?.received.length).toBe(1);
  return [backend, backend.received[0]];
}

function namedFirst(received: Backend['received'][number]): string {
  return (valuesOf(received.rawHeaders, 'x-gateway-destination-endpoint')[0] ?? '').split(',')[0];
}

/** Makes every backend open an event stream that the test then writes to. */
class StreamingBackends {
  readonly opened: Promise<void>;
  /** Resolves when the server's connection was closed on it. */
  readonly left: Promise<void>;
  write: (text: string) => void = () => {};
  end: () => void = () => {};

  constructor(backends: readonly Backend[]) {
    const opened = Promise.withResolvers<void>();
    const left = Promise.withResolvers<void>();
    this.opened = opened.promise;
    this.left = left.promise;
    for (const backend of backends) {
      backend.answer = (_received, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.flushHeaders();
        response.on('close', () => left.resolve());
        this.write = (text) => response.write(text);
        this.end = () => response.end();
        opened.resolve();
      };
    }
  }
}

interface StreamClient {
  text(): string;
  readonly ended: Promise<void>;
  leave(): void;
}

function openStream(url: string): StreamClient {
  let text = '';
  const ended = Promise.withResolvers<void>();
  const outgoing = request(`${url}/v1/chat/completions`, {
    method: 'POST',
    agent: false,
    headers: { 'content-type': 'application/json' },
  });
  outgoing.on('error', () => ended.resolve());
  outgoing.on('response', (message) => {
    message.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
    message.on('error', () => ended.resolve());
    message.on('end', () => ended.resolve());
  });
  outgoing.end(chat('hi', { stream: true }));
  return { text: () => text, ended: ended.promise, leave: () => outgoing.destroy() };
}
