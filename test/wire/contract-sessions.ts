import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { CATALOG } from '../../src/app/catalog.ts';
import { resolveConfig } from '../../src/config/resolve.ts';
import { Rejection } from '../../src/core/errors.ts';
import { definePlugin, type PluginDefinition } from '../../src/core/plugin.ts';
import type { ProcessingRequest } from '../../src/protos/ext-proc.ts';
import { scraped } from '../kit/pool.ts';
import { type Declared, expectRoute, JSON_OK, row, start, withPlugins } from './contract-kit.ts';
import { completion, type ContractPicker, podHostPort, servedBy } from './contract-rig.ts';
import { message } from './support.ts';

const { responseHeaders, responseBody } = message;

const tokenOf = (pod: number): string => Buffer.from(`default/pod-${pod}`).toString('base64');
/** Plugins that keep sessions, each so strong that load does not matter. */
const KEEPERS: readonly Declared[] = [
  { type: 'session-affinity-filter' },
  { type: 'session-affinity-scorer', weight: 10 },
];

/** A request with `headers` and a whole response to it. */
const exchange = (headers: Record<string, string> = {}): readonly ProcessingRequest[] => [
  ...completion('m', headers).messages,
  responseHeaders(false, JSON_OK),
  responseBody('{}', true),
];

/** Makes one pod the only idle one. */
function idle(picker: ContractPicker, pod: number): void {
  const { table } = picker.core;
  for (const slot of table.all) scraped(table, slot, { waiting: table.at(slot)?.name === `pod-${pod}` ? 0 : 10 });
}

/** Decode first, then prefill for requests that ask for both. */
const twoStages: PluginDefinition = definePlugin({
  kind: 'profile-handler',
  type: 'test-two-stages',
  stability: 'beta',
  summary: 'Runs decode, and prefill where the header x-stages says both.',
  config: v.strictObject({}),
  create: () => ({
    accept() {},
    schedule(request, _profiles, run) {
      const decode = run('decode');
      if (decode instanceof Rejection) return decode;
      const prefill = request.headers.get('x-stages') === 'both' ? run('prefill') : undefined;
      const picks = new Map([['decode', decode]]);
      if (prefill !== undefined && !(prefill instanceof Rejection)) picks.set('prefill', prefill);
      return { primary: 'decode', picks };
    },
  }),
});

/** Sections 7.3 and 7.5, rows about sessions. */
export function sessionRows(): void {
  describe('sessions (7.3, 7.5)', () => {
    row([38, 39], 'the response says where the session is, and the next request goes there, load or not', async () => {
      for (const keeper of KEEPERS) {
        const picker = await start(undefined, withPlugins([keeper]));
        const first = await picker.tell(...exchange());
        expectRoute(first, 1);
        expect(first.responseSet).toEqual({ 'x-session-token': tokenOf(1) });
        idle(picker, 2);
        expectRoute(await picker.tell(...exchange({ 'x-session-token': tokenOf(1) })), 1);
        expectRoute(await picker.tell(...exchange()), 2);
        expectRoute(await picker.tell(...exchange({ 'x-session-token': 'bm9ib2R5' })), 2);
      }
    });

    it('the response names the server that took over', async () => {
      for (const keeper of KEEPERS) {
        const picker = await start(undefined, withPlugins([keeper]));
        const [headers, body, response, end] = exchange();
        const told = await picker.tell(headers, body, servedBy(response, podHostPort(2)), end);
        expectRoute(told, 1);
        expect(told.responseSet).toEqual({ 'x-session-token': tokenOf(2) });
      }
    });

    row([40, 41], 'a token for each stage that ran, each leading back to its own endpoint', async () => {
      for (const type of ['session-affinity-filter', 'session-affinity-scorer']) {
        const prefill = { profileName: 'prefill', encodedEndpointHeaderConfig: { header: 'x-session-token-prefill' } };
        const plugins = [
          { type: 'queue-scorer' },
          { type: 'max-score-picker' },
          { type: 'test-two-stages' },
          { type, name: 'decode-session' },
          { type, name: 'prefill-session', parameters: prefill },
        ];
        const profile = (name: string) => ({
          name,
          plugins: [
            { pluginRef: 'queue-scorer' },
            { pluginRef: `${name}-session`, ...(type.endsWith('scorer') && { weight: 10 }) },
            { pluginRef: 'max-score-picker' },
          ],
        });
        const text = JSON.stringify({ plugins, schedulingProfiles: [profile('prefill'), profile('decode')] });
        const picker = await start(undefined, text, [twoStages]);
        const both = { 'x-stages': 'both', 'x-session-token': tokenOf(0), 'x-session-token-prefill': tokenOf(2) };
        const told = await picker.tell(...exchange(both));
        expectRoute(told, 0);
        expect(told.responseSet).toEqual({
          'x-session-token': tokenOf(0),
          'x-session-token-prefill': tokenOf(2),
        });
        const decodeOnly = await picker.tell(...exchange({ 'x-session-token': tokenOf(0) }));
        expectRoute(decodeOnly, 0);
        expect(decodeOnly.responseSet).toEqual({ 'x-session-token': tokenOf(0) });
      }
    });

    row(
      42,
      'sessions by id: of a header, of an agent where there is none, the header where there are both',
      async () => {
        const sources = [{ header: 'x-session-id' }, { attribute: 'agent-identity' }];
        for (const keeper of KEEPERS) {
          const parameters = { strategy: 'session_id', sessionIdConfig: { sources } };
          const text = withPlugins([{ ...keeper, parameters }], [{ type: 'agent-identity' }]);
          const picker = await start(undefined, text);
          const [one, agent] = [{ 'x-session-id': 'one' }, { 'x-claude-code-session-id': 'agent' }];
          idle(picker, 0);
          const first = await picker.tell(...exchange(one));
          expectRoute(first, 0);
          expect(first.responseSet).toEqual({});
          idle(picker, 1);
          expectRoute(await picker.tell(...exchange(agent)), 1);
          idle(picker, 2);
          expectRoute(await picker.tell(...exchange(one)), 0);
          expectRoute(await picker.tell(...exchange(agent)), 1);
          expectRoute(await picker.tell(...exchange({ ...one, ...agent })), 0);
          expectRoute(await picker.tell(...exchange({ 'x-session-id': 'two' })), 2);
          expectRoute(await picker.tell(...exchange()), 2);
          expect(await picker.metric('session_bindings{')).toMatch(/ 3$/);
        }
      },
    );

    it('bound sessions survive a new configuration that does not change them', async () => {
      const keeper = { type: 'session-affinity-filter', parameters: { strategy: 'session_id' } };
      const picker = await start(undefined, withPlugins([keeper]));
      const mine = exchange({ 'x-session-id': 'mine' });
      idle(picker, 0);
      expectRoute(await picker.tell(...mine), 0);
      idle(picker, 2);
      const apply = (text: string): void =>
        picker.core.apply(resolveConfig(text, { source: 'test', catalog: CATALOG, allowExperimental: true }));
      apply(withPlugins([keeper, { type: 'kv-cache-utilization-scorer' }]));
      expectRoute(await picker.tell(...mine), 0);
      apply(withPlugins([{ ...keeper, parameters: { strategy: 'session_id', profileName: 'default' } }]));
      expectRoute(await picker.tell(...mine), 2);
    });

    row(93, 'the header of tokens in any case, written in lower case', async () => {
      for (const keeper of KEEPERS) {
        for (const [header, written] of [
          [undefined, 'x-session-token'],
          ['X-My-Session', 'x-my-session'],
        ] as const) {
          const parameters = { encodedEndpointHeaderConfig: { header } };
          const picker = await start(undefined, withPlugins([{ ...keeper, parameters }]));
          const told = await picker.tell(...exchange({ [written.toUpperCase()]: tokenOf(2) }));
          expectRoute(told, 2);
          expect(told.responseSet).toEqual({ [written]: tokenOf(2) });
        }
      }
    });
  });
}
