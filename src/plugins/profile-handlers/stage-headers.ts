import type { EndpointView } from '../../core/endpoint.ts';
import type { HeaderEdits } from '../../core/hooks.ts';
import type { Schedule } from '../../core/schedule.ts';

// What the sidecar in front of a decode server is told. Source: contract `wire-protocol.md` 10.1. The director removes
// what a client sends under these names, so that no header means no such stage.
const PREFILL_ENDPOINT = 'x-prefiller-host-port';
const ENCODE_ENDPOINTS = 'x-encoder-hosts-ports';
const RANK_ENDPOINT = 'x-data-parallel-host-port';

/** Names the best endpoint of the prefill profile and every one of the encode profile, as far as they ran. */
export function nameStages(
  { picks }: Schedule,
  profiles: { readonly prefill: string; readonly encode: string | undefined },
  endpoints: EndpointView,
  edits: HeaderEdits,
): void {
  const prefill = hostPorts(picks.get(profiles.prefill)?.subarray(0, 1), endpoints);
  if (prefill.length > 0) edits.set(PREFILL_ENDPOINT, prefill[0]);
  const encode = profiles.encode === undefined ? [] : hostPorts(picks.get(profiles.encode), endpoints);
  if (encode.length > 0) edits.set(ENCODE_ENDPOINTS, encode.join(','));
}

/** Names the endpoint that is meant where the proxy is told a port that stands in for it. */
export function nameRank({ picks, primary, port }: Schedule, endpoints: EndpointView, edits: HeaderEdits): void {
  if (port === undefined) return;
  const [rank] = hostPorts(picks.get(primary)?.subarray(0, 1), endpoints);
  if (rank !== undefined) edits.set(RANK_ENDPOINT, rank);
}

function hostPorts(slots: Iterable<number> = [], endpoints: EndpointView): string[] {
  return Array.from(slots, (slot) => endpoints.at(slot)?.hostPort).filter((hostPort) => hostPort !== undefined);
}
