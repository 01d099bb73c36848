import * as v from 'valibot';
import { AGENT_IDENTITY, AGENT_IDENTITY_KEY, type DataKey, dataKey, type DataType, SESSION_ID } from '../core/data.ts';
import { headerName } from '../lib/header-name.ts';

const TOKEN_HEADER = 'x-session-token';
const SESSION_HEADER = 'x-session-id';

/** Attributes of a request that name a session. */
const ATTRIBUTES: readonly DataType<string>[] = [SESSION_ID, AGENT_IDENTITY];
const ATTRIBUTE_NAMES = ATTRIBUTES.map(({ name }) => name);

const seconds = v.pipe(
  v.number(),
  v.check((value) => value > 0, 'must be above 0'),
);

const source = v.pipe(
  v.strictObject({
    header: v.optional(v.pipe(headerName, v.description('Header whose value is the session.'))),
    attribute: v.optional(
      v.pipe(
        v.picklist(ATTRIBUTE_NAMES, `must be ${ATTRIBUTE_NAMES.join(' or ')}`),
        v.description('Data of another plugin whose value is the session.'),
      ),
    ),
    producer: v.optional(
      v.pipe(
        v.string(),
        v.description(`Name of the plugin that produces ${SESSION_ID.name}; ${AGENT_IDENTITY.name} has none.`),
      ),
      '',
    ),
  }),
  v.check(
    ({ header, attribute }) => (header === undefined) !== (attribute === undefined),
    'must have exactly one of header and attribute',
  ),
  v.forward(
    v.check(
      ({ attribute, producer }) => attribute !== SESSION_ID.name || producer !== '',
      `must name the plugin that produces ${SESSION_ID.name}, for example "${SESSION_ID.defaultProducer}"`,
    ),
    ['producer'],
  ),
  v.forward(
    v.check(
      ({ attribute, producer }) => attribute === SESSION_ID.name || producer === '',
      `must be left out: only ${SESSION_ID.name} has one`,
    ),
    ['producer'],
  ),
);

/** Where a session can be named. */
export type SessionSource = v.InferOutput<typeof source>;

const DEFAULT_SOURCE: SessionSource = { header: SESSION_HEADER, producer: '' };

/** Parameters of the scorer and the filter alike. Source: contract `config-and-plugins.md` 3.4. */
export const sessionParameters = v.strictObject({
  strategy: v.optional(
    v.pipe(
      v.picklist(['encoded_endpoint_header', 'session_id'], 'must be encoded_endpoint_header or session_id'),
      v.description(
        'Whether clients carry the endpoint in a header of ours, or a session of theirs is bound to an endpoint here.',
      ),
    ),
    'encoded_endpoint_header',
  ),
  encodedEndpointHeaderConfig: v.optional(
    v.strictObject({
      header: v.optional(
        v.pipe(
          v.string(),
          v.transform((name) => (name.trim() === '' ? TOKEN_HEADER : name)),
          headerName,
          v.description('Header of requests and responses that carries the endpoint.'),
        ),
        TOKEN_HEADER,
      ),
    }),
    {},
  ),
  sessionIdConfig: v.optional(
    v.strictObject({
      sources: v.optional(
        v.pipe(
          v.array(source),
          v.transform((sources) => (sources.length === 0 ? [DEFAULT_SOURCE] : sources)),
          v.description(`Where a session is named; the first that is not empty counts. Default: ${SESSION_HEADER}.`),
        ),
        [],
      ),
      evictionTtlSeconds: v.optional(v.pipe(seconds, v.description('How long an unused binding lasts.')), 300),
      evictionSweepSeconds: v.optional(
        v.pipe(seconds, v.description('Taken and checked, without effect: expired bindings go as new ones come.')),
        10,
      ),
    }),
    {},
  ),
  profileName: v.optional(
    v.pipe(
      v.string(),
      v.description('Profile whose pick is the endpoint of the session; empty means the primary one.'),
    ),
    '',
  ),
});

export type SessionParameters = v.InferOutput<typeof sessionParameters>;

/** The data a source is read from; undefined for a header. */
export function sourceKey({ attribute, producer }: SessionSource): DataKey<string> | undefined {
  const type = ATTRIBUTES.find(({ name }) => name === attribute);
  return type === AGENT_IDENTITY ? AGENT_IDENTITY_KEY : type && dataKey(type, producer);
}
