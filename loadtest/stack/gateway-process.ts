import { rename, writeFile } from 'node:fs/promises';
import { buildEnvoyBootstrap, type EnvoyBootstrapOptions, pickerAddresses } from '../../src/gateway/envoy-bootstrap.ts';
import { type EnvoyGateway, startEnvoy } from '../../src/gateway/envoy-process.ts';
import { freePort } from './free-port.ts';

/** Envoy at an address that it keeps when it dies and is started anew. */
export class GatewayProcess {
  readonly #pickerFile: string | undefined;
  readonly #start: () => Promise<EnvoyGateway>;
  #envoy: EnvoyGateway;

  private constructor(pickerFile: string | undefined, start: () => Promise<EnvoyGateway>, envoy: EnvoyGateway) {
    this.#pickerFile = pickerFile;
    this.#start = start;
    this.#envoy = envoy;
  }

  /** Starts one on a free port of 127.0.0.1. Rejects in one line when it does not come up. */
  static async start(
    binary: string,
    options: Omit<EnvoyBootstrapOptions, 'gatewayPort' | 'adminPort'>,
  ): Promise<GatewayProcess> {
    const config = buildEnvoyBootstrap({ ...options, gatewayPort: await freePort(), adminPort: 0 });
    const { picker, pickerFile } = options;
    if (picker !== undefined && pickerFile !== undefined) await writePickers(pickerFile, [picker.port]);
    const start = (): Promise<EnvoyGateway> => startEnvoy({ binary, config });
    return new GatewayProcess(pickerFile, start, await start());
  }

  get url(): string {
    return this.#envoy.url;
  }

  /** Tells it at which ports of 127.0.0.1 pickers are ready; it hears of it a little later. */
  async setPickers(ports: readonly number[]): Promise<void> {
    if (this.#pickerFile === undefined) throw new Error('this gateway follows no file of pickers');
    await writePickers(this.#pickerFile, ports);
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

/** Replaced as a whole, which is what Envoy waits for. */
async function writePickers(file: string, ports: readonly number[]): Promise<void> {
  const addresses = ports.map((port) => ({ address: '127.0.0.1', port }));
  await writeFile(`${file}.new`, JSON.stringify(pickerAddresses(addresses)));
  await rename(`${file}.new`, file);
}
