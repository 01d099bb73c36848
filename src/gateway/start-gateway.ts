import { startEmbeddedGateway } from './embedded.ts';
import { findEnvoy } from './envoy-binary.ts';
import { buildEnvoyBootstrap, RETRY_ON_RESET, type SocketAddress } from './envoy-bootstrap.ts';
import { startEnvoy } from './envoy-process.ts';
import type { Gateway } from './gateway.ts';
import { BinaryUnavailableError } from './wheel-binary.ts';

/** Which gateway: `auto` is Envoy where it can be had, else the embedded one. */
export type GatewayChoice = 'envoy' | 'embedded' | 'auto';

export interface StartGatewayOptions {
  readonly choice: GatewayChoice;
  readonly endpoints: readonly SocketAddress[];
  readonly picker: SocketAddress & { readonly tls: boolean };
  /** Told what goes on, a line at a time. */
  readonly report: (line: string) => void;
  /** Ends an installation of Envoy. */
  readonly signal?: AbortSignal;
}

/**
 * Starts a gateway on a free port that, besides what Istio retries by default, retries requests whose server died
 * before it said anything. Throws `BinaryUnavailableError` when it must be Envoy and there is none.
 */
export async function startGateway(options: StartGatewayOptions): Promise<Gateway> {
  const { choice, endpoints, picker, report } = options;
  const binary = choice === 'embedded' ? undefined : await envoyOrNothing(options);
  if (binary === undefined) return startEmbeddedGateway({ picker });
  report(`Envoy     ${binary}`);
  const config = buildEnvoyBootstrap({ gatewayPort: 0, adminPort: 0, endpoints, picker, retryOn: RETRY_ON_RESET });
  return startEnvoy({ binary, config });
}

async function envoyOrNothing(options: StartGatewayOptions): Promise<string | undefined> {
  try {
    return await findEnvoy({
      onProgress: options.report,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  } catch (error) {
    const wrongChoice = options.choice === 'envoy' || options.signal?.aborted === true;
    if (wrongChoice || !(error instanceof BinaryUnavailableError)) throw error;
    options.report(`${error.message}; using the small gateway built into this program instead`);
    return undefined;
  }
}
