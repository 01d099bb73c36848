import * as v from 'valibot';
import { dataKey, SESSION_ID } from '../../core/data.ts';
import { definePlugin } from '../../core/plugin.ts';
import { headerName } from '../../lib/header-name.ts';

const parameters = v.pipe(
  v.strictObject({
    headerName: v.optional(v.pipe(headerName, v.description('Header whose value is the session.'))),
    cookieName: v.optional(
      v.pipe(
        v.string(),
        v.trim(),
        v.regex(/^[^\s=;,]+$/, 'must be the name of a cookie, for example "session"'),
        v.description('Cookie whose value is the session.'),
      ),
    ),
  }),
  v.check(
    ({ headerName: header, cookieName: cookie }) => (header === undefined) !== (cookie === undefined),
    'must have exactly one of headerName and cookieName',
  ),
);

/** Publishes which session a request belongs to, for plugins that keep sessions together. */
export const sessionIdProducer = definePlugin({
  kind: 'producer',
  type: 'session-id-producer',
  stability: 'beta',
  summary: "Reads a request's session from a header or a cookie.",
  config: parameters,
  produces: (_config, name) => [dataKey(SESSION_ID, name)],
  create({ headerName: header, cookieName: cookie = '' }, context) {
    const publish = context.write(dataKey(SESSION_ID, context.name));
    return {
      produce(request) {
        const { headers } = request;
        const value = header === undefined ? cookieValue(headers.get('cookie'), cookie) : headers.get(header);
        const session = value?.trim();
        if (session !== undefined && session !== '') publish(request, session);
      },
    };
  },
});

/** Value of a cookie as it stands in a `Cookie` header (RFC 6265, 4.2.1); of two with one name, the first. */
function cookieValue(cookies: string | undefined, name: string): string | undefined {
  for (const pair of cookies?.split(';') ?? []) {
    const equals = pair.indexOf('=');
    if (equals >= 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1);
  }
  return undefined;
}
