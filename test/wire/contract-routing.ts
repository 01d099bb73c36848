import { describe, expect } from 'vitest';
import {
  expectRefusal,
  expectRoute,
  start,
  row,
  withParser,
  withPlugins,
  THREE,
  NOBODY,
  NO_MODEL,
  BAD_BODY,
} from './contract-kit.ts';
import { completion, type Pod, podHostPort, subsetOf } from './contract-rig.ts';
import { scoreRows } from './contract-scores.ts';
import { message, shorten } from './support.ts';

const { requestHeaders, requestBody } = message;
const LESS_KV = { type: 'kv-cache-utilization-scorer' };
const adapters = (...active: string[]) => [{}, { active, maxActive: 2 }] as const;

/** Section 7.1, the request side, and what of 7.3 is about the answer to it. */
export function routingRows(): void {
  describe('routing (7.1)', () => {
    row(1, 'the least loaded pod, the model of the header, the priority of the objective', async () => {
      const picker = await start();
      const { messages, body } = completion('my-model', {
        'x-llm-d-inference-objective': 'my-model',
        'x-llm-d-model-name-rewrite': 'my-model-12345',
      });
      const told = await picker.tell(...messages);
      expectRoute(told, 1);
      expect(told.requestBody).toBe(body.replace('"my-model"', '"my-model-12345"'));
      expect(told.removed).toEqual(['x-llm-d-inference-objective', 'x-llm-d-model-name-rewrite']);
      const total = await picker.metric('_request_total{', 'model_name="my-model"', 'my-model-12345', 'priority="2"');
      expect(total).toMatch(/ 1$/);
    });

    row([2, 3], 'the pod with the LoRA adapter, though its cache is the fullest', async () => {
      const rows: readonly (readonly Pod[])[] = [
        [
          [0, 0.2, ...adapters('foo')],
          [0, 0.1, ...adapters('foo', 'sql-lora-1fdg2')],
          [10, 0.2, ...adapters('foo', 'bar')],
        ],
        [
          [10, 0.2, ...adapters('foo', 'bar')],
          [10, 0.4, ...adapters('foo', 'sql-lora-1fdg2')],
          [10, 0.3, ...adapters('foo')],
        ],
      ];
      for (const pods of rows) {
        const picker = await start(pods, withPlugins([{ type: 'lora-affinity-scorer' }, LESS_KV]));
        const headers = { 'x-llm-d-model-name-rewrite': 'sql-lora-1fdg2' };
        const told = await picker.tell(...completion('sql-lora', headers).messages);
        expectRoute(told, 1);
        expect(told.requestBody).toContain('"sql-lora-1fdg2"');
      }
      // Without the scorer the emptier cache decides.
      const control = await start(rows[1], withPlugins([LESS_KV]));
      expectRoute(await control.tell(...completion('sql-lora').messages), 0);
    });

    row(4, 'with the passthrough parser alone, any body', async () => {
      const picker = await start(THREE, withParser('passthrough-parser'));
      const headers = requestHeaders(false, { ':path': '/v1/completions', 'x-llm-d-inference-objective': 'my-model' });
      const told = await picker.tell(headers, requestBody('passthrough-parser', true));
      expectRoute(told, 1);
      expect(told.requestBody).toBe('passthrough-parser');
      expect(await picker.metric('_request_total{', 'model_name="",target_model_name=""', 'priority="2"')).toMatch(
        / 1$/,
      );
    });

    row(5, 'a loaded pool still serves, where the LoRA adapter is', async () => {
      const pods: readonly Pod[] = [
        [6, 0.2, ...adapters('foo', 'sql-lora')],
        [0, 0.85, ...adapters('foo')],
        [10, 0.9, ...adapters('foo')],
      ];
      // 0.4 + 0.8 + 1 against 1 + 0.15 + 0.8.
      const picker = await start(pods, withPlugins([LESS_KV, { type: 'lora-affinity-scorer' }]));
      expectRoute(await picker.tell(...completion('sql-lora').messages), 0);
    });

    row(6, 'a body that is no JSON', async () => {
      const picker = await start();
      const told = await picker.tell(
        requestHeaders(false, { ':path': '/v1/completions' }),
        requestBody('no healthy', true),
      );
      expect(told.refusal?.status).toBe(400);
      expect(told.refusal?.message.startsWith(BAD_BODY)).toBe(true);
      expect(told.refusal?.headers['x-llm-d-request-dropped-reason']).toBeUndefined();
    });

    row([7, 13], 'a body cut in the middle of the model name', async () => {
      const picker = await start();
      const { messages, body } = completion('direct-model', { 'x-llm-d-inference-objective': 'direct-model' });
      const cut = body.indexOf('direct') + 3;
      const told = await picker.tell(
        messages[0],
        requestBody(body.slice(0, cut), false),
        requestBody(body.slice(cut), true),
      );
      expectRoute(told, 1);
      expect(told.requestBody).toBe(body);
      expect(told.answers.filter((answer) => answer.requestHeaders)).toHaveLength(1);
      const labels = 'model_name="direct-model",target_model_name="direct-model"';
      expect(await picker.metric('_request_total{', labels, 'priority="2"')).toMatch(/ 1$/);
    });

    row([8, 87], 'no body and no pods: 503, which the reference answers with 500', async () => {
      const picker = await start([]);
      expectRefusal(await picker.tell(requestHeaders(true)), 503, NOBODY, 'rejected-no-endpoints');
    });

    row([9, 81], 'a missing model, before anyone looks for pods', async () => {
      const picker = await start([]);
      expectRefusal(await picker.tell(...completion(undefined).messages), 400, NO_MODEL);
      picker.core.rewrites.replace([
        { name: 'any', createdAtMs: 0, rules: [{ models: [], targets: [{ model: 'filled-in', weight: 1 }] }] },
      ]);
      expectRefusal(await picker.tell(...completion(undefined).messages), 503, NOBODY, 'rejected-no-endpoints');
    });

    row([10, 11], 'a subset with the best pod, and one without', async () => {
      const picker = await start();
      const [headers, body] = completion('m').messages;
      expectRoute(await picker.tell(headers, subsetOf(body, podHostPort(0), podHostPort(1), podHostPort(2))), 1);
      expectRoute(await picker.tell(subsetOf(headers, podHostPort(2)), body), 2);
    });

    row([12, 83], 'a subset with nobody in it', async () => {
      const picker = await start();
      const [headers, body] = completion('m').messages;
      for (const subset of [['192.168.1.99:8000'], []]) {
        const told = await picker.tell(headers, subsetOf(body, ...subset));
        expectRefusal(told, 503, NOBODY, 'rejected-no-endpoints');
      }
    });

    row(84, 'filters that leave nobody', async () => {
      const filter = { type: 'label-selector-filter', parameters: { matchLabels: { gpu: 'h100' } } };
      const picker = await start(undefined, withPlugins([filter]));
      const told = await picker.tell(...completion('m').messages);
      expectRefusal(
        told,
        429,
        'inference error: ResourceExhausted - no endpoints available for the given request',
        'rejected-saturated',
      );
    });

    row([14, 78], 'a rewrite rule', async () => {
      const picker = await start();
      const rules = [{ models: ['model-to-be-rewritten'], targets: [{ model: 'rewritten-model', weight: undefined }] }];
      picker.core.rewrites.replace([{ name: 'r', createdAtMs: 0, rules }]);
      const { messages, body } = completion('model-to-be-rewritten');
      const told = await picker.tell(...messages);
      expectRoute(told, 1);
      expect(told.requestBody).toBe(body.replace('model-to-be-rewritten', 'rewritten-model'));
      const labels = 'model_name="model-to-be-rewritten",target_model_name="rewritten-model"';
      expect(await picker.metric('_request_total{', labels, 'priority="0"')).toMatch(/ 1$/);
    });

    row([15, 57], 'no body: an endpoint, scheduled like any other', async () => {
      const picker = await start();
      const told = await picker.tell(requestHeaders(true, { ':method': 'GET', ':path': '/v1/models' }));
      expectRoute(told, 1);
      expect(told.answers.map(shorten)).toEqual(['request headers']);
      const one = await picker.tell(subsetOf(requestHeaders(true), podHostPort(2)));
      expectRoute(one, 2);
    });

    row(80, 'a full pool sheds negative priorities alone, with the reason the reference leaves out', async () => {
      const full: readonly Pod[] = [
        [6, 0.9],
        [4, 0.8],
      ];
      const picker = await start(full, withParser('openai-parser'));
      const sheddable = completion('m', { 'x-llm-d-inference-objective': 'sheddable' }).messages;
      const told = await picker.tell(...sheddable);
      const text = 'inference error: ResourceExhausted - system saturated, sheddable request dropped';
      expectRefusal(told, 429, text, 'rejected-saturated');
      expectRoute(await picker.tell(...completion('m').messages), 1);
      const idle = await start(THREE, withParser('openai-parser'));
      expectRoute(await idle.tell(...sheddable), 1);
    });
  });

  scoreRows();
}
