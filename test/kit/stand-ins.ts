import * as v from 'valibot';
import { CATALOG } from '../../src/app/catalog.ts';
import type { Catalog } from '../../src/config/resolved.ts';
import { dataKey, TOKENIZED_PROMPT } from '../../src/core/data.ts';
import { definePlugin, type PluginDefinition } from '../../src/core/plugin.ts';

const ROLE = 'llm-d.ai/role';

/** Who may decode, prefill or encode: contract 3.3. */
const ROLES: Readonly<Record<string, readonly (string | undefined)[]>> = {
  'decode-filter': [undefined, 'decode', 'prefill-decode', 'both', 'encode-prefill-decode'],
  'prefill-filter': ['prefill', 'encode-prefill', 'prefill-decode', 'both', 'encode-prefill-decode'],
  'encode-filter': ['encode', 'encode-prefill', 'encode-prefill-decode'],
};

const filters = Object.entries(ROLES).map(([type, roles]) =>
  definePlugin({
    kind: 'filter',
    type,
    stability: 'beta',
    summary: 'Keeps endpoints of a role.',
    config: v.unknown(),
    create: (_config, { endpoints }) => ({
      filter: (_request, candidates) => candidates.filter((slot) => roles.includes(endpoints.at(slot)?.labels[ROLE])),
    }),
  }),
);

/** Four bytes of the body are a token; `x-test-media` says whether there is a picture in it. */
const tokenProducer = definePlugin({
  kind: 'producer',
  type: 'token-producer',
  stability: 'beta',
  summary: 'Counts tokens.',
  config: v.unknown(),
  produces: (_config, name) => [dataKey(TOKENIZED_PROMPT, name)],
  create(_config, context) {
    const write = context.write(dataKey(TOKENIZED_PROMPT, context.name));
    return {
      produce(request) {
        if (request.body === undefined) return;
        const media =
          request.headers.get('x-test-media') === undefined ? [] : [{ modality: 'image' as const, hash: 'h' }];
        write(request, { prompts: [], tokens: Math.ceil(request.bodyBytes / 4), media });
      },
    };
  },
});

/** The catalog, with plain plugins of the types it lacks and samples of disaggregation name. */
export const CATALOG_WITH_STAND_INS: Catalog = new Map<string, PluginDefinition>([
  ...[...filters, tokenProducer].map((definition) => [definition.type, definition] as const),
  ...CATALOG,
]);
