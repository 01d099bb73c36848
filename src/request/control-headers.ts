import type { Headers } from '../core/headers.ts';

/** A header that steers a request, and the older name it is still known by. */
export interface ControlHeader {
  readonly name: string;
  readonly deprecated: string | undefined;
}

const renamed = (name: string, deprecated: string): ControlHeader => ({ name, deprecated });
const plain = (name: string): ControlHeader => ({ name, deprecated: undefined });

/** Name of the objective, and so the priority. */
export const OBJECTIVE = renamed('x-llm-d-inference-objective', 'x-gateway-inference-objective');
/** Whose fair share the request comes out of. */
export const FAIRNESS_ID = renamed('x-llm-d-inference-fairness-id', 'x-gateway-inference-fairness-id');
/** Model to ask the server for instead of the one in the body. */
export const MODEL_REWRITE = renamed('x-llm-d-model-name-rewrite', 'x-gateway-model-name-rewrite');

/**
 * Headers between client, proxy and picker that no model server may see from a client. What steers the picker has done
 * its work; what the picker or the proxy writes would be believed by the sidecar in front of the server, so that a
 * client could choose its own prefill or data-parallel target. The destination is missing because it is overwritten.
 * Source: contract 1.6 (system-owned headers), 3.4 and 10.1 (outputs).
 */
const KEPT_FROM_SERVERS: readonly ControlHeader[] = [
  OBJECTIVE,
  FAIRNESS_ID,
  MODEL_REWRITE,
  renamed('x-llm-d-slo-ttft-ms', 'x-slo-ttft-ms'),
  renamed('x-llm-d-slo-tpot-ms', 'x-slo-tpot-ms'),
  plain('x-llm-d-video-fps'),
  plain('x-llm-d-video-duration-seconds'),
  plain('x-llm-d-video-resolution'),
  plain('x-llm-d-request-dropped-reason'),
  plain('x-gateway-destination-endpoint-subset'),
  plain('x-gateway-destination-endpoint-served'),
  plain('x-prefiller-host-port'),
  plain('x-encoder-hosts-ports'),
  plain('x-data-parallel-host-port'),
  plain('x-kv-cache-source-host-port'),
];

const REMOVED_NAMES: readonly string[] = KEPT_FROM_SERVERS.flatMap(({ name, deprecated }) =>
  deprecated === undefined ? [name] : [name, deprecated],
);

const NONE: readonly string[] = [];

/** Value of a control header; the current name wins over the deprecated one, and empty counts as absent. */
export function controlValue(headers: Headers, { name, deprecated }: ControlHeader): string | undefined {
  const value = headers.get(name) || (deprecated === undefined ? undefined : headers.get(deprecated));
  return value === '' ? undefined : value;
}

/** Those of the headers to remove that the request has: naming absent ones would cost the proxy for nothing. */
export function headersToRemove(headers: Headers): readonly string[] {
  let present: string[] | undefined;
  for (const name of REMOVED_NAMES) {
    if (headers.get(name) !== undefined) (present ??= []).push(name);
  }
  return present ?? NONE;
}
