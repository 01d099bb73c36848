import { type Endpoint, type EndpointView, labelOf } from '../../core/endpoint.ts';
import type { Hooks } from '../../core/hooks.ts';
import type { Filter } from '../../core/kinds.ts';
import { TenantMemo } from '../../datastore/tenant-memo.ts';
import { narrow } from '../../scheduling/narrow.ts';

/** The label that says which stages a server works on. Source: contract 3.3. */
export const ROLE = 'llm-d.ai/role';

/** Keeps endpoints by their labels, which are looked at once for each tenant of a slot. */
export function keepByLabels(endpoints: EndpointView, matches: (endpoint: Endpoint) => boolean): Filter & Hooks {
  const verdicts = new TenantMemo(endpoints, matches);
  const keeps = (slot: number): boolean => verdicts.at(slot) === true;
  return {
    filter: (_request, candidates) => narrow(candidates, keeps),
    onEndpointRemoved: (slot) => verdicts.forget(slot),
  };
}

/** Keeps endpoints whose label has one of the values and, if so wished, those without the label. */
export function keepByValue(
  endpoints: EndpointView,
  label: string,
  values: readonly string[],
  allowsNoLabel: boolean,
): Filter & Hooks {
  return keepByLabels(endpoints, (endpoint) => {
    const value = labelOf(endpoint, label);
    return value === undefined ? allowsNoLabel : values.includes(value);
  });
}
