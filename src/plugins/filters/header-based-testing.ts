import * as v from 'valibot';
import type { Candidates, EndpointView } from '../../core/endpoint.ts';
import { definePlugin } from '../../core/plugin.ts';
import { narrow } from '../../scheduling/narrow.ts';

const HEADER = 'test-epp-endpoint-selection';

/**
 * Keeps the endpoints a test names in `test-epp-endpoint-selection`, a list of `IP` and `IP:port` (IPv6 with or without
 * brackets); of several on one IP, the one named first. Without the header nobody is kept. Source: contract 3.3, the
 * conformance suite of the Gateway API Inference Extension.
 */
export const headerBasedTestingFilter = definePlugin({
  kind: 'filter',
  type: 'header-based-testing-filter',
  stability: 'beta',
  summary: 'Keeps the endpoints a conformance test names in a header.',
  config: v.strictObject({}),
  create: (_config, { endpoints }) => ({
    filter({ headers }, candidates) {
      const wanted = rankedNames(headers.get(HEADER) ?? '');
      const chosen = choose(wanted, candidates, endpoints);
      return narrow(candidates, (slot) => chosen.has(slot));
    },
  }),
});

/** Addresses, and `address:port` as endpoints spell theirs, with their place in the list. */
function rankedNames(list: string): ReadonlyMap<string, number> {
  const ranks = new Map<string, number>();
  for (const [rank, item] of list.split(',').entries()) {
    const name = spelledLikeAnEndpoint(item.trim());
    if (name !== '' && !ranks.has(name)) ranks.set(name, rank);
  }
  return ranks;
}

/** `[fd00::1]` is the address `fd00::1`; with a port the brackets stay. */
function spelledLikeAnEndpoint(item: string): string {
  return item.startsWith('[') && item.endsWith(']') ? item.slice(1, -1) : item;
}

/** One slot for each address: the one named first, and of those the first in the table. */
function choose(
  ranks: ReadonlyMap<string, number>,
  candidates: Candidates,
  endpoints: EndpointView,
): ReadonlySet<number> {
  const best = new Map<string, { readonly slot: number; readonly rank: number }>();
  for (const slot of candidates) {
    const endpoint = endpoints.at(slot);
    if (endpoint === undefined) continue;
    const { address, hostPort } = endpoint;
    const rank = Math.min(rankOf(address, ranks), rankOf(hostPort, ranks));
    if (rank < (best.get(address)?.rank ?? Number.POSITIVE_INFINITY)) best.set(address, { slot, rank });
  }
  return new Set(Array.from(best.values(), ({ slot }) => slot));
}

function rankOf(name: string, ranks: ReadonlyMap<string, number>): number {
  return ranks.get(name) ?? Number.POSITIVE_INFINITY;
}
