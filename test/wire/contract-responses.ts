import { status } from '@grpc/grpc-js';
import { describe, expect } from 'vitest';
import type { ProcessingRequest } from '../../src/protos/ext-proc.ts';
import { start, row, JSON_OK, SSE_OK } from './contract-kit.ts';
import { completion, type Told } from './contract-rig.ts';
import { message, shorten } from './support.ts';

const { requestHeaders, requestBody, responseHeaders, responseBody, responseTrailers } = message;

/** Sections 7.1 and 7.4, the response side. */
export function responseRows(): void {
  describe('responses (7.1, 7.4)', () => {
    const answered = (model = 'm', headers = {}): readonly ProcessingRequest[] => completion(model, headers).messages;
    const short = (told: Told): string[] => told.answers.map(shorten).filter((each) => each.startsWith('response'));

    row([16, 17, 18], 'bodies pass unchanged, in their order, the end on the last piece', async () => {
      const picker = await start();
      for (const [first, second] of [
        ['{"a":', '1}'],
        ['no JSON', ' at all'],
        ['{"a":1}', ''],
      ] as const) {
        const told = await picker.tell(
          ...answered(),
          responseHeaders(false, JSON_OK),
          responseBody(first, false),
          responseBody(second, true),
        );
        expect([told.code, told.responseBody]).toEqual([status.OK, first + second]);
        expect(short(told).at(-1)?.endsWith('$')).toBe(true);
        expect(short(told).filter((each) => each.endsWith('$'))).toHaveLength(1);
      }
    });

    row([19, 63], 'a stream of events passes as it comes, and its tokens are counted once', async () => {
      const picker = await start();
      const usage = 'data: {"usage":{"prompt_tokens":7,"total_tokens":17,"completion_tokens":10}}\n\ndata: [DONE]\n\n';
      const told = await picker.tell(
        ...answered(),
        responseHeaders(false, SSE_OK),
        responseBody('data: {}\n\n', false),
        responseBody(usage, false),
        responseBody('', true),
      );
      expect(short(told)).toEqual([
        'response headers',
        'response body data: {}\n\n',
        `response body ${usage}`,
        'response body $',
      ]);
      expect(await picker.metric('_request_input_tokens_sum{', 'model_name="m"')).toMatch(/ 7$/);
      expect(await picker.metric('_request_output_tokens_sum{', 'model_name="m"')).toMatch(/ 10$/);
    });

    row(47, 'trailers end a response once, streamed or not, and are answered', async () => {
      for (const headers of [JSON_OK, SSE_OK]) {
        for (const trailers of [[responseBody('{}', true)], [responseBody('{}', false), responseTrailers()]]) {
          const picker = await start();
          const told = await picker.tell(...answered(), responseHeaders(false, headers), ...trailers);
          expect([told.code, told.responseBody, picker.core.table.books.total]).toEqual([status.OK, '{}', 0]);
          expect(short(told).at(-1)).toBe(trailers.length === 1 ? 'response body {}$' : 'response trailers');
          expect(await picker.metric('_request_duration_seconds_count{')).toMatch(/ 1$/);
        }
      }
    });

    row([48, 49], 'a response is streamed where the request or the response says so', async () => {
      const picker = await start();
      const body = JSON.stringify({ model: 'asked', prompt: 'p', stream: true });
      const asking = [requestHeaders(false, { ':path': '/v1/completions' }), requestBody(body, true)];
      await picker.tell(...asking, responseHeaders(false, JSON_OK), responseBody('{}', true));
      await picker.tell(...answered('told'), responseHeaders(false, SSE_OK), responseBody('data: {}\n\n', true));
      await picker.tell(...answered('neither'), responseHeaders(false, JSON_OK), responseBody('{}', true));
      const streaming = (model: string, value: boolean) =>
        picker.metric('_request_ttft_seconds_count{', `model_name="${model}"`, `streaming="${value}"`);
      const lines = [await streaming('asked', true), await streaming('told', true), await streaming('neither', false)];
      expect(lines.map((line) => line?.split(' ')[1])).toEqual(['1', '1', '1']);
    });

    row(62, 'no usage, or no JSON', async () => {
      const picker = await start();
      for (const body of ['{}', '{"usage":', '']) {
        const told = await picker.tell(...answered(), responseHeaders(false, JSON_OK), responseBody(body, true));
        expect([told.code, told.responseBody]).toEqual([status.OK, body]);
      }
      expect(await picker.metric('_request_input_tokens_count{')).toBeUndefined();
      expect(await picker.metric('_request_error_total{')).toBeUndefined();
    });

    row(64, 'Anthropic: prompt tokens from the first event, generated ones from the last', async () => {
      const picker = await start();
      const body = JSON.stringify({
        model: 'm',
        max_tokens: 5,
        stream: true,
        messages: [{ role: 'user', content: 'hi' }],
      });
      await picker.tell(
        requestHeaders(false, { ':path': '/v1/messages' }),
        requestBody(body, true),
        responseHeaders(false, SSE_OK),
        responseBody(
          'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":12}}}\n\n',
          false,
        ),
        responseBody('event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":5}}\n\n', true),
      );
      expect(await picker.metric('_request_input_tokens_sum{')).toMatch(/ 12$/);
      expect(await picker.metric('_request_output_tokens_sum{')).toMatch(/ 5$/);
    });

    row(65, 'response headers stay as they are', async () => {
      const picker = await start();
      const headers = { ...JSON_OK, 'x-gateway-destination-endpoint-served': '1.2.3.4:5' };
      const told = await picker.tell(...answered(), responseHeaders(true, headers));
      expect(told.answers.at(-1)?.responseHeaders?.response?.headerMutation ?? undefined).toBeUndefined();
    });

    row(66, 'the client reads the model it asked for', async () => {
      const picker = await start();
      const renamed = { 'x-llm-d-model-name-rewrite': 'target' };
      const restored = async (headers: Record<string, string>, kind: Record<string, string>, body: string) => {
        const told = await picker.tell(
          ...answered('asked', headers),
          responseHeaders(false, kind),
          responseBody(body, true),
        );
        return told.responseBody;
      };
      expect(await restored(renamed, JSON_OK, '{"model":"target"}')).toBe('{"model":"asked"}');
      expect(await restored(renamed, JSON_OK, '{"model": "target"}')).toMatch(/^\{"model": ?"asked"\}$/);
      expect(await restored(renamed, SSE_OK, 'data: {"model":"target"}\n\n')).toBe('data: {"model":"asked"}\n\n');
      expect(await restored(renamed, SSE_OK, 'data: [DONE]\n\n')).toBe('data: [DONE]\n\n');
      expect(await restored({}, JSON_OK, '{"model":"target"}')).toBe('{"model":"target"}');
    });

    row(67, 'the size of a response is the sum of its pieces', async () => {
      const picker = await start();
      const pieces = ['abc', '', 'defg'].map((piece) => responseBody(piece, false));
      await picker.tell(...answered(), responseHeaders(false, SSE_OK), ...pieces, responseBody('h', true));
      expect(await picker.metric('_response_size_bytes_sum{')).toMatch(/ 8$/);
    });

    row(70, 'the Responses API: usage of the completed event alone', async () => {
      const picker = await start();
      const event = (type: string, tokens: number): string =>
        `data: {"type":"${type}","response":{"usage":{"input_tokens":${tokens},"output_tokens":1,"total_tokens":9}}}\n\n`;
      await picker.tell(
        requestHeaders(false, { ':path': '/v1/responses' }),
        requestBody('{"model":"m","input":"hi","stream":true}', true),
        responseHeaders(false, SSE_OK),
        responseBody(event('response.created', 3), false),
        responseBody(event('response.completed', 8), true),
      );
      expect(await picker.metric('_request_input_tokens_sum{')).toMatch(/ 8$/);
    });
  });
}
