import type { Endpoint } from '../core/endpoint.ts';
import type { Schedule } from '../core/schedule.ts';
import { joinHostPort } from '../lib/host-port.ts';

/** The pool as a route needs it. */
export interface RoutePool {
  at(slot: number): Endpoint | undefined;
  byHostPort(hostPort: string): Endpoint | undefined;
}

/**
 * Where a request goes, as endpoints and as the proxy is told: the two differ where a port stands in for each
 * endpoint's own, which several endpoints of one address then share.
 */
export class Route {
  /** Best first; empty when everybody has left since. */
  readonly endpoints: readonly Endpoint[];
  /** Those that work on the request before the first endpoint answers. */
  readonly helpers: readonly Endpoint[];
  readonly #port: number | undefined;
  readonly #pool: RoutePool;

  constructor({ picks, primary, port, helpers }: Schedule, pool: RoutePool) {
    this.endpoints = tenants(picks.get(primary) ?? [], pool);
    this.helpers = helpers === undefined ? NOBODY : tenants(helpers, pool);
    this.#port = port;
    this.#pool = pool;
  }

  /** Comma-separated `host:port`, best first, none twice. */
  get destination(): string {
    if (this.#port === undefined) return this.endpoints.map(({ hostPort }) => hostPort).join(',');
    const { endpoints } = this;
    return [...new Set(endpoints.map((endpoint) => this.#toldAs(endpoint)))].join(',');
  }

  /** The endpoint behind what the proxy calls `hostPort`: of those that share it, the best. */
  servedBy(hostPort: string): Endpoint | undefined {
    return this.endpoints.find((endpoint) => this.#toldAs(endpoint) === hostPort) ?? this.#pool.byHostPort(hostPort);
  }

  #toldAs({ hostPort, address }: Endpoint): string {
    return this.#port === undefined ? hostPort : joinHostPort(address, this.#port);
  }
}

const NOBODY: readonly Endpoint[] = [];

function tenants(slots: Iterable<number>, pool: RoutePool): readonly Endpoint[] {
  const endpoints: Endpoint[] = [];
  for (const slot of slots) {
    const endpoint = pool.at(slot);
    if (endpoint !== undefined) endpoints.push(endpoint);
  }
  return endpoints;
}
