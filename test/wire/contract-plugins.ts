import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import type { Follower } from '../../src/core/hooks.ts';
import { definePlugin, type PluginDefinition } from '../../src/core/plugin.ts';
import type { ProcessingResponse } from '../../src/protos/ext-proc.ts';
import { expectRefusal, expectRoute, JSON_OK, row, SSE_OK, start, withPlugins } from './contract-kit.ts';
import { completion, podHostPort, servedBy, type Told } from './contract-rig.ts';
import { message, shorten } from './support.ts';

const { responseHeaders, responseBody, responseTrailers } = message;

const USAGE = '"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}';
const reporter = (key: object) => ({
  type: 'request-attribute-reporter',
  parameters: { attributes: [{ key, expression: 'usage.total_tokens', condition: 'usage.completion_tokens > 0' }] },
});

/** Numbers in the metadata of an answer, by namespace. */
function numbersIn({ dynamicMetadata }: ProcessingResponse): Record<string, Record<string, unknown>> {
  const namespaces = Object.entries(dynamicMetadata?.fields ?? {}).map(([namespace, { structValue }]) => {
    const values = Object.entries(structValue?.fields ?? {}).map(([key, { numberValue }]) => [key, numberValue]);
    return [namespace, Object.fromEntries(values)] as const;
  });
  return Object.fromEntries(namespaces);
}

/** Metadata of the answers to the response, one entry each. */
const reported = (told: Told): unknown[] =>
  told.answers.filter((answer) => shorten(answer).startsWith('response')).map(numbersIn);

/** A plugin that writes down what it is told, and sets a header with its name. */
const witness = (events: string[]): PluginDefinition =>
  definePlugin({
    kind: 'hook',
    type: 'test-witness',
    stability: 'beta',
    summary: 'Writes down what it is told.',
    config: v.strictObject({}),
    create(_config, { name }) {
      const note = (event: string): void => void events.push(`${name} ${event}`);
      const follower: Follower = {
        onResponse: () => note('response'),
        onFirstPiece: () => note('first piece'),
        onComplete: (usage) => note(`complete ${usage?.completionTokens}`),
        onEnd: (how) => note(`end ${how}`),
      };
      return {
        onPicked(_request, _schedule, edits) {
          note('picked');
          edits.set(`x-${name}`, 'was here');
          return follower;
        },
      };
    },
  });

/** Rows of 7.3 to 7.5 about plugins before and after the pick. */
export function pluginRows(): void {
  describe('plugins (7.3 to 7.5)', () => {
    const request = completion('m').messages;

    row(36, 'a number made of the usage of a whole response, beside the end of its body', async () => {
      const picker = await start(undefined, withPlugins([], [reporter({ name: 'cost' })]));
      const told = await picker.tell(...request, responseHeaders(false, JSON_OK), responseBody(`{${USAGE}}`, true));
      expect(told.answers).toHaveLength(4);
      expect(reported(told)).toEqual([{}, { 'envoy.lb': { cost: 10 } }]);
      const silent = await picker.tell(...request, responseHeaders(false, JSON_OK), responseBody('{}', true));
      expect(reported(silent)).toEqual([{}, {}]);
    });

    row(37, 'the same of a stream of events, beside its last piece alone', async () => {
      const picker = await start(undefined, withPlugins([], [reporter({ name: 'cost' })]));
      const told = await picker.tell(
        ...request,
        responseHeaders(false, SSE_OK),
        responseBody('data: {}\n\n', false),
        responseBody(`data: {${USAGE}}\n\ndata: [DONE]\n\n`, false),
        responseBody('', true),
      );
      expect(told.answers).toHaveLength(6);
      expect(reported(told)).toEqual([{}, {}, {}, { 'envoy.lb': { cost: 10 } }]);
    });

    it('beside the trailers of a response that ends with them', async () => {
      const picker = await start(undefined, withPlugins([], [reporter({ name: 'cost' })]));
      const body = responseBody(`{${USAGE}}`, false);
      const told = await picker.tell(...request, responseHeaders(false, JSON_OK), body, responseTrailers());
      expect(reported(told)).toEqual([{}, {}, { 'envoy.lb': { cost: 10 } }]);
    });

    it('an expression that fails is counted, and the response passes', async () => {
      const expression = 'usage.prompt_tokens_details.cached_tokens';
      const parameters = { attributes: [{ key: { name: 'cached' }, expression }] };
      const picker = await start(undefined, withPlugins([], [{ type: 'request-attribute-reporter', parameters }]));
      const told = await picker.tell(...request, responseHeaders(false, JSON_OK), responseBody(`{${USAGE}}`, true));
      expect([told.responseBody, reported(told)]).toEqual([`{${USAGE}}`, [{}, {}]]);
      expect(await picker.metric('plugin_faults_total{', 'request-attribute-reporter')).toMatch(/ 1$/);
    });

    row(56, "a plugin's metadata and the destination, each in its namespace (and in its own answer)", async () => {
      const picker = await start(undefined, withPlugins([], [reporter({ namespace: 'billing', name: 'cost' })]));
      const told = await picker.tell(...request, responseHeaders(false, JSON_OK), responseBody(`{${USAGE}}`, true));
      expectRoute(told, 1);
      expect(told.metadata).toBe(podHostPort(1));
      expect(reported(told).at(-1)).toEqual({ billing: { cost: 10 } });
    });

    row(
      [75, 77],
      'plugins told of a pick set headers, in the order of the configuration (none of them fails it)',
      async () => {
        const events: string[] = [];
        const names = ['third', 'first', 'second'];
        const declared = names.map((name) => ({ type: 'test-witness', name }));
        const picker = await start(undefined, withPlugins([], declared), [witness(events)]);
        const told = await picker.tell(...request);
        expectRoute(told, 1);
        expect(told.set).toMatchObject({ 'x-first': 'was here', 'x-second': 'was here', 'x-third': 'was here' });
        expect(events.filter((event) => event.endsWith('picked'))).toEqual(names.map((name) => `${name} picked`));
      },
    );

    row(79, 'an admitter lets pass or denies, with the status it means, which the reference makes a 500', async () => {
      const text = withPlugins([], [{ type: 'probabilistic-admitter' }]);
      const sheddable = completion('m', { 'x-llm-d-inference-objective': 'sheddable' }).messages;
      const idle = await start([[0, 0]], text);
      expectRoute(await idle.tell(...sheddable), 0);
      const busy = await start([[4, 0]], text);
      // 4 of 5 waiting: 0.8^5 * 300 is far above 1.
      const why = 'probabilistic-admitter: rejected, saturation=0.800 prob=1.00';
      expectRefusal(
        await busy.tell(...sheddable),
        429,
        `inference error: ResourceExhausted - request cannot be admitted: ${why}`,
        'rejected-saturated',
      );
      expectRoute(await busy.tell(...request), 0);
    });

    row(
      91,
      'plugins that follow a response hear of its start, its end and the end of the stream, in order',
      async () => {
        const events: string[] = [];
        const declared = [{ type: 'test-witness', name: 'w' }];
        const picker = await start(undefined, withPlugins([], declared), [witness(events)]);
        await picker.tell(
          ...request,
          responseHeaders(false, SSE_OK),
          responseBody('data: {}\n\n', false),
          responseBody(`data: {${USAGE}}\n\n`, false),
          responseBody('data: [DONE]\n\n', true),
        );
        expect(events).toEqual(['w picked', 'w response', 'w first piece', 'w complete 3', 'w end complete']);
        events.length = 0;
        await picker.tell(...request, responseHeaders(false, SSE_OK), responseBody('data: {}\n\n', false));
        expect(events).toEqual(['w picked', 'w response', 'w first piece', 'w end client-disconnect']);
      },
    );

    it('the verifier tells the client what the proxy says of who served', async () => {
      const header = 'x-conformance-test-served-endpoint';
      const text = withPlugins([], [{ type: 'destination-endpoint-served-verifier' }]);
      const picker = await start(undefined, text);
      const response = responseHeaders(true, JSON_OK);
      const told = await picker.tell(...request, servedBy(response, '10.9.8.7:8000'));
      expect(told.responseSet).toEqual({ [header]: '10.9.8.7:8000' });
      const silent = await picker.tell(...request, response);
      expect(silent.responseSet).toEqual({ [header]: 'fail: missing destination endpoint served metadata' });
    });
  });
}
