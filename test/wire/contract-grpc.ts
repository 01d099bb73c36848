import { status } from '@grpc/grpc-js';
import { describe, expect } from 'vitest';
import type { ProcessingRequest } from '../../src/protos/ext-proc.ts';
import { expectRefusal, expectRoute, start, row, withParser, THREE, NOBODY } from './contract-kit.ts';
import { podHostPort, subsetOf } from './contract-rig.ts';
import { message, shorten } from './support.ts';

const { requestHeaders, requestBody, responseHeaders, responseBody, responseTrailers } = message;

/** Section 7.2. */
export function grpcRows(): void {
  describe('gRPC (7.2)', () => {
    const GENERATE = 'vllm.grpc.engine.VllmEngine/Generate';
    /** A frame around a protobuf message. */
    const frame = (...fields: readonly number[]): Buffer => Buffer.from([0, 0, 0, 0, fields.length, ...fields]);
    /** GenerateRequest{request_id: "r", text: "hi"}, and the same with stream. */
    const GENERATE_REQUEST = frame(0x0a, 1, 0x72, 0x1a, 2, 0x68, 0x69);
    const STREAM_REQUEST = frame(0x0a, 1, 0x72, 0x1a, 2, 0x68, 0x69, 0x28, 1);
    /** EmbedRequest{tokenized{input_ids: [1, 2]}} */
    const EMBED_REQUEST = frame(0x12, 4, 0x12, 2, 1, 2);
    const grpc = () => start(THREE, withParser('vllmgrpc-parser'));
    const to = (method: string, headers = {}): ProcessingRequest =>
      requestHeaders(false, { ':path': `/${method}`, 'content-type': 'application/grpc', ...headers });

    row([20, 21, 22, 23], 'Generate, Embed and streamed Generate go to the least loaded pod, unchanged', async () => {
      const picker = await grpc();
      const priority = { 'x-llm-d-inference-objective': 'inference-objective-with-priority-4' };
      for (const [method, bytes] of [
        [GENERATE, GENERATE_REQUEST],
        [GENERATE, STREAM_REQUEST],
        ['vllm.grpc.engine.VllmEngine/Embed', EMBED_REQUEST],
      ] as const) {
        const told = await picker.tell(to(method, priority), requestBody(bytes, true));
        expectRoute(told, 1);
        expect(told.requestBytes.equals(bytes)).toBe(true);
      }
      expectRoute(await picker.tell(to(GENERATE), requestBody(GENERATE_REQUEST, true)), 1);
      expect(await picker.metric('_request_total{', 'model_name=""', 'priority="4"')).toMatch(/ 3$/);
      expect(await picker.metric('_request_total{', 'model_name=""', 'priority="0"')).toMatch(/ 1$/);
    });

    row([24, 25], 'a frame in two messages; no body and no pods', async () => {
      const picker = await grpc();
      const told = await picker.tell(
        to(GENERATE),
        requestBody(GENERATE_REQUEST.subarray(0, 6), false),
        requestBody(GENERATE_REQUEST.subarray(6), true),
      );
      expectRoute(told, 1);
      expect(told.requestBytes.equals(GENERATE_REQUEST)).toBe(true);
      const empty = await start([], withParser('vllmgrpc-parser'));
      expectRefusal(await empty.tell(requestHeaders(true)), 503, NOBODY, 'rejected-no-endpoints');
    });

    row([26, 27, 28], 'subsets: the best pod in it, not in it, nobody in it', async () => {
      const picker = await grpc();
      const body = requestBody(GENERATE_REQUEST, true);
      expectRoute(await picker.tell(to(GENERATE), subsetOf(body, podHostPort(0), podHostPort(1))), 1);
      expectRoute(await picker.tell(to(GENERATE), subsetOf(body, podHostPort(2))), 2);
      const told = await picker.tell(to(GENERATE), subsetOf(body, '192.168.1.99:8000'));
      expectRefusal(told, 503, NOBODY, 'rejected-no-endpoints');
    });

    row([29, 30], 'a response of two messages and trailers, readable or not', async () => {
      const picker = await grpc();
      for (const bytes of [frame(0x12, 0), Buffer.from('garbage')]) {
        const told = await picker.tell(
          to(GENERATE),
          requestBody(GENERATE_REQUEST, true),
          responseHeaders(false, { ':status': '200', 'content-type': 'application/grpc' }),
          responseBody(bytes.subarray(0, 3), false),
          responseBody(bytes.subarray(3), false),
          responseTrailers(),
        );
        expect([told.code, Buffer.from(told.responseBody)]).toEqual([status.OK, bytes]);
        expect(told.answers.map(shorten).some((each) => each.startsWith('response') && each.endsWith('$'))).toBe(false);
        expect(told.answers.at(-1)?.responseTrailers).toBeDefined();
      }
    });

    /** GenerateResponse{complete{prompt_tokens: 7, completion_tokens: 10}} */
    const COMPLETE = frame(0x12, 4, 0x18, 7, 0x20, 10);
    /** GenerateResponse{chunk{prompt_tokens: 7, completion_tokens: 4}} */
    const CHUNK = frame(0x0a, 4, 0x10, 7, 0x18, 4);
    const grpcOk = responseHeaders(false, { ':status': '200', 'content-type': 'application/grpc' });

    row(31, 'tokens of a response of one message', async () => {
      const picker = await grpc();
      const request = requestBody(GENERATE_REQUEST, true);
      await picker.tell(to(GENERATE), request, grpcOk, responseBody(COMPLETE, false), responseTrailers());
      expect(await picker.metric('_request_input_tokens_sum{')).toMatch(/ 7$/);
      expect(await picker.metric('_request_output_tokens_sum{')).toMatch(/ 10$/);
    });

    row(32, 'a stream of messages passes as it comes, and its tokens are counted once', async () => {
      const picker = await grpc();
      const told = await picker.tell(
        to(GENERATE),
        requestBody(STREAM_REQUEST, true),
        grpcOk,
        responseBody(CHUNK, false),
        responseBody(COMPLETE, false),
        responseTrailers(),
      );
      const answers = told.answers.slice(-3, -1);
      expect(answers.map((each) => each.responseBody?.response?.bodyMutation?.streamedResponse)).toMatchObject([
        { body: CHUNK, endOfStream: false },
        { body: COMPLETE, endOfStream: false },
      ]);
      expect(told.answers.at(-1)?.responseTrailers).toBeDefined();
      expect(await picker.metric('_request_input_tokens_sum{')).toMatch(/ 7$/);
      expect(await picker.metric('_request_input_tokens_count{')).toMatch(/ 1$/);
      expect(await picker.metric('_request_output_tokens_sum{')).toMatch(/ 10$/);
    });
  });
}
