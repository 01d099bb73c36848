import { NO_ENDPOINTS } from '../../src/core/errors.ts';
import { allocateColumns } from '../../src/datastore/columns.ts';
import { EndpointTable } from '../../src/datastore/endpoint-table.ts';
import { selfSignedCertificate } from '../../src/ext-proc/certificate.ts';
import { createGrpcServer } from '../../src/ext-proc/grpc-server.ts';
import { listen } from '../../src/ext-proc/listener.ts';
import { externalProcessor } from '../../src/ext-proc/service.ts';
import { EXT_PROC_PROCESS_PATH } from '../../src/protos/ext-proc.ts';
import type { Director, Exchange, Outcome } from '../../src/request/exchange.ts';

export interface PlainPicker {
  readonly grpcPort: number;
  readonly table: EndpointTable;
  /** What each request said, and how it ended. */
  readonly served: (string | undefined)[];
  readonly ends: string[];
  stop(): Promise<void>;
}

export interface PlainPickerOptions {
  readonly ports: readonly number[];
  readonly secure?: boolean;
  /** Default: the three least busy endpoints, least busy first. */
  readonly decide?: (body: string) => Outcome;
}

const LOG = { debug() {}, info() {}, warn() {}, error() {} };

/** The real wire with a director that only counts requests: for tests of gateways, which care how, not where. */
export async function startPlainPicker(options: PlainPickerOptions): Promise<PlainPicker> {
  const table = new EndpointTable(allocateColumns());
  table.replace(
    options.ports.map((port, index) => ({
      namespace: 'default',
      name: `pod-${index}`,
      address: '127.0.0.1',
      port,
      labels: {},
    })),
  );
  // Nothing is scraped here: say so, as idle servers, for those who wait for the first scrape.
  for (const slot of table.all) {
    table.signals.scrapes[slot] = 1;
    for (const column of [table.signals.waiting, table.signals.running, table.signals.kvUsage]) column[slot] = 0;
  }
  const served: (string | undefined)[] = [];
  const ends: string[] = [];
  const director: Director = { open: () => exchange(table, options, served, ends) };
  const server = createGrpcServer();
  const routes = { [EXT_PROC_PROCESS_PATH]: externalProcessor({ director, log: LOG }) };
  const tls = options.secure === true ? await selfSignedCertificate() : undefined;
  const listener = await listen({ server, routes, host: '127.0.0.1', port: 0, tls });
  return { grpcPort: listener.port, table, served, ends, stop: () => listener.close() };
}

function exchange(
  table: EndpointTable,
  options: PlainPickerOptions,
  served: (string | undefined)[],
  ends: string[],
): Exchange {
  let release = (): void => {};
  const leastBusy = (): Outcome => {
    const slots = [...table.all].sort((a, b) => table.books.inflight(a) - table.books.inflight(b)).slice(0, 3);
    const endpoints = slots.flatMap((slot) => table.at(slot) ?? []);
    if (endpoints.length === 0) return { kind: 'rejected', rejection: NO_ENDPOINTS, dialect: 'openai' };
    const reservation = table.books.reserve(endpoints[0]);
    release = () => table.books.release(reservation);
    return {
      kind: 'picked',
      destination: endpoints.map(({ hostPort }) => hostPort).join(','),
      setHeaders: [],
      removeHeaders: [],
    };
  };
  return {
    decide: (pieces) => options.decide?.(Buffer.concat(pieces ?? []).toString()) ?? leastBusy(),
    responseHeaders(_headers, metadata) {
      served.push(metadata.served());
      return undefined;
    },
    responseBody: (piece) => piece,
    responseTrailers: () => Buffer.alloc(0),
    responseMetadata: () => undefined,
    end(how) {
      release();
      ends.push(how);
    },
  };
}
