import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { EmbeddedExchange, type EmbeddedStats } from './embedded-exchange.ts';
import type { PickerAddress } from './envoy-bootstrap.ts';
import type { Gateway } from './gateway.ts';
import { PickerClient } from './picker-client.ts';

export interface EmbeddedGatewayOptions {
  readonly picker: PickerAddress;
  /** Default 0: a free one. */
  readonly port?: number;
}

export interface EmbeddedGateway extends Gateway {
  stats(): EmbeddedStats;
}

/**
 * A small gateway for where Envoy cannot be had, and for tests that must be quick: HTTP/1.1 in, the same
 * external-processing conversation with the picker as Envoy has, and the picker's list walked on failure. It fails
 * closed and drops trailers.
 */
export async function startEmbeddedGateway(options: EmbeddedGatewayOptions): Promise<EmbeddedGateway> {
  const picker = new PickerClient(options.picker);
  const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
  const stats: EmbeddedStats = {
    streamsStarted: 0,
    streamsFailed: 0,
    spuriousMessages: 0,
    rejectedHeaderMutations: 0,
    immediateResponses: 0,
    rescued: 0,
  };
  const server = createServer((incoming: IncomingMessage, response: ServerResponse) => {
    void new EmbeddedExchange(incoming, response, { picker, agent, stats }).run();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', () => {
      server.off('error', reject);
      resolve();
    });
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    kind: 'embedded',
    url: `http://127.0.0.1:${port}`,
    port,
    stats: () => ({ ...stats }),
    rescued: () => Promise.resolve(stats.rescued),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          agent.destroy();
          picker.close();
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}
