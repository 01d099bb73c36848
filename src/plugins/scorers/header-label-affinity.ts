import * as v from 'valibot';
import { labelOf } from '../../core/endpoint.ts';
import { definePlugin } from '../../core/plugin.ts';
import { TenantMemo } from '../../datastore/tenant-memo.ts';

const parameters = v.strictObject({
  headerName: v.pipe(
    v.string(),
    v.nonEmpty('must not be empty'),
    v.toLowerCase(),
    v.description('Header of the request that names a value.'),
  ),
  labelKey: v.pipe(
    v.string(),
    v.nonEmpty('must not be empty'),
    v.description('Label of endpoints that is compared with it.'),
  ),
});

/**
 * Prefers endpoints whose label is what a header asks for: 1 where they are equal, else 0, and 0 for all without the
 * header. Source: contract 3.4.
 */
export const headerLabelAffinityScorer = definePlugin({
  kind: 'scorer',
  type: 'header-label-affinity-scorer',
  stability: 'alpha',
  summary: 'Prefers endpoints whose label equals a header of the request.',
  config: parameters,
  create({ headerName, labelKey }, { endpoints }) {
    const values = new TenantMemo(endpoints, (endpoint) => labelOf(endpoint, labelKey));
    return {
      score({ headers }, candidates, out) {
        const wanted = headers.get(headerName) ?? '';
        if (wanted === '') {
          out.fill(0, 0, candidates.length);
          return;
        }
        for (let i = 0; i < candidates.length; i++) out[i] = values.at(candidates[i]) === wanted ? 1 : 0;
      },
      onEndpointRemoved: (slot) => values.forget(slot),
    };
  },
});
