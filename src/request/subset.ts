import type { Candidates, EndpointView } from '../core/endpoint.ts';

/**
 * The pool's endpoints that the proxy allows. An entry names one endpoint as `host:port` (IPv6 in brackets) or all
 * ports of a host as a bare address; what names nothing in the pool is left out.
 */
export function narrowToSubset(endpoints: EndpointView, subset: readonly string[] | undefined): Candidates {
  if (subset === undefined) return endpoints.all;
  const allowed = new Set(subset.map((entry) => entry.trim()));
  return endpoints.all.filter((slot) => {
    const endpoint = endpoints.at(slot);
    return (
      endpoint !== undefined &&
      (allowed.has(endpoint.hostPort) || allowed.has(endpoint.address) || allowed.has(`[${endpoint.address}]`))
    );
  });
}
