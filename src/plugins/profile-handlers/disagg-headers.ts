import * as v from 'valibot';
import { definePlugin } from '../../core/plugin.ts';
import { nameStages } from './stage-headers.ts';

const parameters = v.strictObject({
  prefillProfile: v.optional(
    v.pipe(v.string(), v.description('Profile whose pick is the prefill endpoint.')),
    'prefill',
  ),
  encodeProfile: v.optional(v.pipe(v.string(), v.description('Profile whose picks are encode endpoints.')), 'encode'),
});

/** Names prefill and encode endpoints to the decode server, as the profile handlers now do themselves. */
export const disaggHeadersHandler = headersHandler('disagg-headers-handler');

/** The same under its first name. */
export const prefillHeaderHandler = headersHandler('prefill-header-handler');

function headersHandler(type: string) {
  return definePlugin({
    kind: 'hook',
    type,
    metricType: 'disagg-headers-handler',
    stability: 'deprecated',
    instead: 'profile handlers set these headers themselves, remove it',
    summary: 'Names prefill and encode endpoints to the decode server.',
    config: parameters,
    create: ({ prefillProfile: prefill, encodeProfile: encode }, { endpoints }) => ({
      onPicked: (_request, schedule, edits) => nameStages(schedule, { prefill, encode }, endpoints, edits),
    }),
  });
}
