import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A read-only page: its content type and a function that renders it. */
export interface Page {
  readonly contentType: string;
  render(): string | Promise<string>;
}

export interface AdminServer {
  readonly port: number;
  close(): Promise<void>;
}

const HEADERS_TIMEOUT_MS = 5_000;

/**
 * Serves pages by path, GET and HEAD only. Rejects when the port is taken; a page that fails is a 500 and `onError`.
 */
export function startAdminServer(options: {
  readonly host: string;
  readonly port: number;
  readonly pages: ReadonlyMap<string, Page>;
  readonly onError: (path: string, error: unknown) => void;
}): Promise<AdminServer> {
  const { host, port, pages, onError } = options;
  const server = createServer(
    { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: HEADERS_TIMEOUT_MS },
    (req, res) => {
      const path = (req.url ?? '/').split('?', 1)[0];
      const page = pages.get(path);
      if (page === undefined) {
        answer(res, 404, 'text/plain', `not found; there is ${[...pages.keys()].join(', ')}\n`);
      } else if (req.method !== 'GET' && req.method !== 'HEAD') {
        res.setHeader('allow', 'GET, HEAD');
        answer(res, 405, 'text/plain', 'read only\n');
      } else {
        render(page).then(
          (body) => answer(res, 200, page.contentType, body),
          (error: unknown) => {
            onError(path, error);
            answer(res, 500, 'text/plain', 'the page could not be rendered; see the log\n');
          },
        );
      }
    },
  );
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      resolve({ port: (server.address() as AddressInfo).port, close: () => closeServer(server) });
    });
  });
}

async function render(page: Page): Promise<string> {
  return page.render();
}

function answer(res: ServerResponse, status: number, contentType: string, body: string): void {
  res.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) });
  res.end(body);
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
