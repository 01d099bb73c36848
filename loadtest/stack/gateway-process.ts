import { buildEnvoyBootstrap, type EnvoyBootstrapOptions } from '../../src/gateway/envoy-bootstrap.ts';
import { type EnvoyGateway, startEnvoy } from '../../src/gateway/envoy-process.ts';
import { freePort } from './free-port.ts';

/** Envoy at an address that it keeps when it dies and is started anew. */
export class GatewayProcess {
  readonly #start: () => Promise<EnvoyGateway>;
  #envoy: EnvoyGateway;

  private constructor(start: () => Promise<EnvoyGateway>, envoy: EnvoyGateway) {
    this.#start = start;
    this.#envoy = envoy;
  }

  /** Starts one on a free port of 127.0.0.1. Rejects in one line when it does not come up. */
  static async start(
    binary: string,
    options: Omit<EnvoyBootstrapOptions, 'gatewayPort' | 'adminPort'>,
  ): Promise<GatewayProcess> {
    const config = buildEnvoyBootstrap({ ...options, gatewayPort: await freePort(), adminPort: 0 });
    const start = (): Promise<EnvoyGateway> => startEnvoy({ binary, config });
    return new GatewayProcess(start, await start());
  }

  get url(): string {
    return this.#envoy.url;
  }

  /** Kills it, as a crash would, and starts it anew; resolves when it takes requests again. */
  async crash(): Promise<void> {
    process.kill(this.#envoy.pid, 'SIGKILL');
    await this.#envoy.stop();
    this.#envoy = await this.#start();
  }

  stop(): Promise<void> {
    return this.#envoy.stop();
  }
}
