import { status } from '@grpc/grpc-js';
import { describe, expect } from 'vitest';
import { expectRefusal, expectRoute, start, row, withPlugins, JSON_OK } from './contract-kit.ts';
import { completion } from './contract-rig.ts';
import { message, shorten } from './support.ts';

const { requestHeaders, requestBody, responseHeaders, responseBody } = message;

/** Sections 7.4 and 7.5, the request side. */
export function requestRows(): void {
  describe('requests (7.4, 7.5)', () => {
    row(
      [52, 54, 86],
      'header names in any case; the current name beats the deprecated one; unknown objectives',
      async () => {
        const picker = await start();
        const both = {
          'X-LLM-D-Inference-Objective': 'inference-objective-with-priority-4',
          'x-gateway-inference-objective': 'my-model',
        };
        expectRoute(await picker.tell(...completion('both', both).messages), 1);
        expectRoute(
          await picker.tell(...completion('old', { 'x-gateway-inference-objective': 'my-model' }).messages),
          1,
        );
        expectRoute(await picker.tell(...completion('none', { 'x-llm-d-inference-objective': 'nobody' }).messages), 1);
        const priority = (model: string, value: number) =>
          picker.metric('_request_total{', `"${model}"`, `priority="${value}"`);
        expect(await Promise.all([priority('both', 4), priority('old', 2), priority('none', 0)])).not.toContain(
          undefined,
        );
      },
    );

    row(53, 'the raw value of a header beats the other one', async () => {
      const picker = await start();
      const [, body] = completion('m').messages;
      const headers = { headers: [{ key: ':path', value: '/v1/nowhere', rawValue: Buffer.from('/v1/completions') }] };
      const told = await picker.tell({ requestHeaders: { headers, endOfStream: false } }, body);
      expectRoute(told, 1);
      expect(await picker.metric('_request_total{', 'model_name="m"')).toMatch(/ 1$/);
    });

    row(55, 'what a client may not tell a server is removed, a destination overwritten', async () => {
      const picker = await start();
      const forged = {
        'x-gateway-destination-endpoint': '9.9.9.9:1',
        'x-gateway-destination-endpoint-subset': '9.9.9.9:1',
        'x-prefiller-host-port': '9.9.9.9:1',
        'x-slo-ttft-ms': '100',
      };
      const told = await picker.tell(...completion('m', forged).messages);
      expectRoute(told, 1);
      expect([...told.removed].sort()).toEqual([
        'x-gateway-destination-endpoint-subset',
        'x-prefiller-host-port',
        'x-slo-ttft-ms',
      ]);
    });

    row([71, 72], 'bodies are sent on in pieces of at most 62,000 bytes, the end on the last', async () => {
      const picker = await start();
      const headers = requestHeaders(false, { ':path': '/v1/opaque' });
      for (const [bytes, pieces] of [
        [62_000, 1],
        [62_001, 2],
        [150_000, 3],
        [0, 1],
      ] as const) {
        const told = await picker.tell(headers, requestBody(Buffer.alloc(bytes, 'a'), true));
        const ends = told.answers.slice(1).map((answer) => shorten(answer).endsWith('$'));
        expect([told.requestBytes.length, ends]).toEqual([
          bytes,
          Array.from({ length: pieces }, (_, i) => i === pieces - 1),
        ]);
      }
    });

    row(51, 'a message longer than the limit ends the stream', async () => {
      const picker = await start();
      const told = await picker.tell(requestHeaders(false), requestBody(Buffer.alloc(5_000_000), true));
      expect([told.code, told.answers]).toEqual([status.RESOURCE_EXHAUSTED, []]);
    });

    row(73, 'completions, chat, and chat of several messages', async () => {
      const picker = await start();
      const turn = { role: 'user', content: 'hello' };
      expectRoute(await picker.tell(...completion('m').messages), 1);
      for (const messages of [[turn], [turn, { role: 'assistant', content: 'hi' }, turn]]) {
        const body = JSON.stringify({ model: 'm', messages });
        const told = await picker.tell(
          requestHeaders(false, { ':path': '/v1/chat/completions' }),
          requestBody(body, true),
        );
        expectRoute(told, 1);
        expect(told.requestBody).toBe(body);
      }
      expect(await picker.metric('_request_total{', 'model_name="m",target_model_name="m"')).toMatch(/ 3$/);
    });

    row(74, "the fairness id of the header, else the agent's, else the default", async () => {
      const picker = await start(undefined, withPlugins([], [{ type: 'agent-identity' }]));
      const [header, agent] = [{ 'x-llm-d-inference-fairness-id': 'tenant' }, { 'session-id': 'agent' }];
      for (const headers of [header, {}, agent, { ...header, ...agent }]) {
        await picker.tell(...completion('m', headers).messages);
      }
      const requests = (id: string) => picker.metric('_request_total{', `fairness_id="${id}"`);
      expect(await requests('tenant')).toMatch(/ 2$/);
      expect(await requests('default-flow')).toMatch(/ 1$/);
      expect(await requests('agent')).toMatch(/ 1$/);
    });

    row(75, 'a header that a plugin adds when the pick stands', async () => {
      const plugins = [{ type: 'data-parallel-profile-handler', parameters: { primaryPort: 9000 } }];
      const picker = await start([[0, 0]], JSON.stringify({ plugins: [...plugins, { type: 'queue-scorer' }] }));
      const told = await picker.tell(...completion('m').messages);
      expect(told.set).toEqual({
        'x-gateway-destination-endpoint': '192.168.1.1:9000',
        'x-data-parallel-host-port': '192.168.1.1:8000',
      });
    });

    row(
      90,
      'a request that wants cached tokens only, where there are some and where not, and one that does not',
      async () => {
        const picker = await start();
        const cachedOnly = { prefer: 'respond-async, if-available' };
        expectRoute(await picker.tell(...completion('m').messages), 1);
        expectRoute(await picker.tell(...completion('m', cachedOnly).messages), 1);
        const missing = 'inference error: PreconditionFailed - no decode worker has the requested KV cache';
        expectRefusal(await picker.tell(...completion('n', cachedOnly).messages), 412, missing);
        expectRoute(await picker.tell(...completion('n').messages), 1);
      },
    );

    row(82, 'neither prompt nor messages, and no message in them', async () => {
      const picker = await start();
      for (const [path, body, text] of [
        ['/v1/completions', '{"model":"m"}', 'invalid completions request: must have prompt field'],
        [
          '/v1/chat/completions',
          '{"model":"m","messages":[]}',
          'invalid chat completions request: must have valid messages field',
        ],
      ] as const) {
        const told = await picker.tell(requestHeaders(false, { ':path': path }), requestBody(body, true));
        expectRefusal(told, 400, `inference error: BadRequest - ${text}`);
      }
    });

    row(
      [88, 89],
      'rewrites: none, match, no match, the older of two, shares by weight, the header where nothing matches',
      async () => {
        const picker = await start();
        const modelOf = async (model: string, headers = {}): Promise<unknown> => {
          const told = await picker.tell(...completion(model, headers).messages);
          return (JSON.parse(told.requestBody) as { model: unknown }).model;
        };
        const header = { 'x-llm-d-model-name-rewrite': 'by-header' };
        expect([await modelOf('m'), await modelOf('m', header)]).toEqual(['m', 'by-header']);
        const rule = (model: string, target: string) => ({
          models: [model],
          targets: [{ model: target, weight: undefined }],
        });
        const shared = [
          { model: 'most', weight: 3 },
          { model: 'least', weight: 1 },
          { model: 'never', weight: undefined },
        ];
        picker.core.rewrites.replace([
          { name: 'a', createdAtMs: 2, rules: [rule('m', 'younger'), { models: ['shared'], targets: shared }] },
          { name: 'b', createdAtMs: 1, rules: [rule('m', 'older')] },
        ]);
        expect([await modelOf('m', header), await modelOf('n'), await modelOf('n', header)]).toEqual([
          'older',
          'n',
          'by-header',
        ]);
        const shares: Record<string, number> = {};
        for (let i = 0; i < 8; i++) {
          const model = String(await modelOf('shared'));
          shares[model] = (shares[model] ?? 0) + 1;
        }
        expect(shares).toEqual({ most: 6, least: 2 });
      },
    );

    row(92, 'two requests with one id at once', async () => {
      const picker = await start();
      const whole = [...completion('m').messages, responseHeaders(false, JSON_OK), responseBody('{}', true)];
      const both = await Promise.all([picker.tell(...whole), picker.tell(...whole)]);
      expect(both.map(({ code, responseBody: body }) => [code, body])).toEqual([
        [status.OK, '{}'],
        [status.OK, '{}'],
      ]);
      expect(picker.core.table.books.total).toBe(0);
      expect(await picker.metric('_request_running{', 'model_name="m"')).toMatch(/ 0$/);
    });
  });
}
