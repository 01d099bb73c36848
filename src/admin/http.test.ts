import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AdminServer, startAdminServer } from './http.ts';

const errors: string[] = [];
let server: AdminServer;
let base: string;

beforeAll(async () => {
  server = await startAdminServer({
    host: '127.0.0.1',
    port: 0,
    pages: new Map([
      ['/metrics', { contentType: 'text/plain; version=0.0.4', render: () => Promise.resolve('up 1\n') }],
      [
        '/broken',
        {
          contentType: 'text/plain',
          render: () => {
            throw new Error('secret detail');
          },
        },
      ],
    ]),
    onError: (path, error) => errors.push(`${path}: ${(error as Error).message}`),
  });
  base = `http://127.0.0.1:${server.port}`;
});

afterAll(() => server.close());

describe('admin server', () => {
  it('serves a page with its content type, query or not', async () => {
    const answer = await fetch(`${base}/metrics?name=x`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4');
    expect(await answer.text()).toBe('up 1\n');
  });

  it('names what there is when a path is unknown', async () => {
    const answer = await fetch(`${base}/nope`);
    expect(answer.status).toBe(404);
    expect(await answer.text()).toBe('not found; there is /metrics, /broken\n');
  });

  it('is read only', async () => {
    const answer = await fetch(`${base}/metrics`, { method: 'POST', body: 'x' });
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('GET, HEAD');
  });

  it('turns a page that fails into a 500 without its reason, which goes to the log', async () => {
    const answer = await fetch(`${base}/broken`);
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain('secret');
    expect(errors).toEqual(['/broken: secret detail']);
  });

  it('rejects when the port is taken', async () => {
    const again = startAdminServer({ host: '127.0.0.1', port: server.port, pages: new Map(), onError() {} });
    await expect(again).rejects.toThrow(/EADDRINUSE/);
  });
});
