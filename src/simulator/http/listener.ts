import { createServer, type RequestListener, type Server } from 'node:http';

/** Longer than any idle time between a client's requests: a connection never goes away under a request. */
const KEEP_ALIVE_MS = 75_000;
const BACKLOG = 1024;

/** A port that can be opened, closed to newcomers, and dropped with everything on it. */
export class Listener {
  readonly #servers = new Set<Server>();
  #listening: Server | undefined;

  /** Listens; the port, once it does. Rejects with the system's error (`EADDRINUSE`). */
  async open(host: string, port: number, handler: RequestListener): Promise<number> {
    const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, handler);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, backlog: BACKLOG }, () => {
        server.off('error', reject);
        resolve();
      });
    });
    this.#listening = server;
    this.#servers.add(server);
    server.once('close', () => this.#servers.delete(server));
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  }

  /** Refuses new connections and closes idle ones; answers under way are finished. */
  refuse(): void {
    this.#listening?.close();
    this.#listening = undefined;
  }

  /** Refuses new connections and drops all others; resolves when the last one is gone. */
  async drop(): Promise<void> {
    this.refuse();
    await Promise.all(
      [...this.#servers].map(
        (server) =>
          new Promise<void>((resolve) => {
            server.once('close', () => resolve());
            server.closeAllConnections();
          }),
      ),
    );
  }
}
