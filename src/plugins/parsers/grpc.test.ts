import { Writer } from 'protobufjs/minimal.js';
import { describe, expect, it } from 'vitest';
import { create } from '../../../test/kit/plugins.ts';
import { promptIn, promptsOf } from '../../../test/kit/prompts.ts';
import { Rejection } from '../../core/errors.ts';
import { NO_HEADERS } from '../../core/headers.ts';
import type { Parser } from '../../core/kinds.ts';
import type { InferenceBody } from '../../core/request.ts';
import { vertexaiParser } from './vertexai.ts';
import { vllmgrpcParser } from './vllmgrpc.ts';

const VARINT = 0;
const BYTES = 2;
const GENERATE = '/vllm.grpc.engine.VllmEngine/Generate';
const EMBED = '/vllm.grpc.engine.VllmEngine/Embed';

const frame = (message: Uint8Array): Buffer => {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
};
const read = (parser: Parser, path: string, bytes: Uint8Array): InferenceBody | Rejection =>
  parser.parse(path, [bytes], NO_HEADERS);
const field = (number: number, value: Uint8Array | string, to = Writer.create()): Writer =>
  to.uint32(number * 8 + BYTES).bytes(Buffer.from(value));
const packed = (ids: readonly number[]): Uint8Array => {
  const writer = Writer.create();
  for (const id of ids) writer.uint32(id);
  return writer.finish();
};
const badPayload = { code: 'BadRequest', message: 'invalid or unsupported gRPC payload' };

describe('vllmgrpc-parser', () => {
  const parser = create(vllmgrpcParser);

  it('reads a text prompt among fields it does not know', () => {
    const message = field(1, 'id')
      .uint32(99 * 8 + VARINT)
      .uint32(1);
    field(3, 'hällo', message);
    const body = read(parser, GENERATE, frame(message.finish())) as InferenceBody;
    expect(body).toMatchObject({
      api: 'generate',
      dialect: 'vllm-grpc',
      model: '',
      modelOptional: true,
      stream: false,
    });
    expect(body.maxOutputTokens).toBeUndefined();
    expect(Buffer.from(promptsOf(body)[0]).toString()).toBe('hällo');
    expect(body.tokenized).toBe(false);
    const rendering = body.renderRequest?.('base');
    expect(rendering).toMatchObject({ api: 'completions', media: false });
    expect(rendering?.body()).toBe('{"model":"base","prompt":"hällo"}');
  });

  it('reads packed token ids, the limit and the wish for a stream', () => {
    const tokenized = field(1, 'text');
    field(2, packed([1, 300, 0xffffffff]), tokenized);
    const message = field(2, tokenized.finish());
    field(
      4,
      Writer.create()
        .uint32(8 * 8 + VARINT)
        .uint32(0)
        .finish(),
      message,
    );
    message.uint32(5 * 8 + VARINT).bool(true);
    field(7, field(6, 'hash').finish(), message);
    const body = read(parser, GENERATE, frame(message.finish())) as InferenceBody;
    expect(body).toMatchObject({ stream: true, maxOutputTokens: 0, tokenized: true });
    expect([...promptsOf(body)[0]]).toEqual([1, 0, 0, 0, 44, 1, 0, 0, 255, 255, 255, 255]);
    expect(body.renderRequest?.('base')).toBeUndefined();
  });

  it('tells pictures apart by their hashes', () => {
    const place = Writer.create();
    place.uint32(8).uint32(1);
    place.uint32(16).uint32(2);
    const promptWith = (...hashes: string[]) => {
      const media = field(5, place.finish());
      for (const hash of hashes) field(6, hash, media);
      const message = field(2, field(2, packed([7, 9, 9, 8])).finish());
      return promptIn(read(parser, GENERATE, frame(field(7, media.finish(), message).finish())) as InferenceBody);
    };
    const cat = promptWith('cat');
    expect(cat).toMatchObject({ tokens: 4, media: [{ modality: 'image', hash: 'cat' }] });
    expect([...cat.prompts[0].subarray(0, 4), ...cat.prompts[0].subarray(12)]).toEqual([7, 0, 0, 0, 8, 0, 0, 0]);
    expect(promptWith('dog').prompts).not.toEqual(cat.prompts);
    expect(promptWith('cat', 'dog')).toEqual(cat);
    expect(promptWith().media).toEqual([]);
  });

  it('reads token ids that are not packed', () => {
    const tokenized = Writer.create()
      .uint32(2 * 8)
      .uint32(5)
      .uint32(2 * 8)
      .uint32(6);
    const body = read(parser, GENERATE, frame(field(2, tokenized.finish()).finish())) as InferenceBody;
    expect([...promptsOf(body)[0]]).toEqual([5, 0, 0, 0, 6, 0, 0, 0]);
  });

  it('reads what is to be embedded', () => {
    const message = field(2, field(2, packed([9])).finish()).finish();
    const body = read(parser, EMBED, frame(message)) as InferenceBody;
    expect(body).toMatchObject({ api: 'embeddings', dialect: 'vllm-grpc-embed' });
    expect([...promptsOf(body)[0]]).toEqual([9, 0, 0, 0]);
  });

  it.each([
    ['a short frame', GENERATE, frame(field(3, 'x').finish()).subarray(0, 6), badPayload],
    ['no frame', GENERATE, Buffer.alloc(0), badPayload],
    ['a compressed frame', EMBED, Buffer.from([1, 0, 0, 0, 0]), badPayload],
    ['no input', GENERATE, frame(field(1, 'id').finish()), { message: 'not supported request inputType' }],
    ['text to embed', EMBED, frame(field(3, 'x').finish()), { message: 'missing tokenized input in EmbedRequest' }],
  ])('refuses %s', (_what, path, bytes, refusal) => {
    expect(read(parser, path, bytes)).toMatchObject({ code: 'BadRequest', ...refusal });
  });

  it.each([
    ['a field cut short', [0x1a, 0x05, 0x61]],
    ['a packed list beyond its message', [0x12, 0x03, 0x12, 0x09, 0x01]],
    ['a group without end', [0x0b]],
    ['field number 0', [0x00]],
  ])('refuses %s', (_what, bytes) => {
    const refused = read(parser, GENERATE, frame(Uint8Array.from(bytes))) as Rejection;
    expect(refused).toBeInstanceOf(Rejection);
    expect(refused.message).toMatch(/^unmarshaling GenerateRequest: /);
  });

  it('routes other calls unread', () => {
    const path = '/vllm.grpc.engine.VllmEngine/GetModelInfo';
    expect(parser.paths).toContain(path.slice(1));
    expect(read(parser, path, Buffer.alloc(0))).toMatchObject({ api: 'opaque' });
  });
});

describe('vertexai-parser', () => {
  const parser = create(vertexaiParser);
  const SERVICE = '/google.cloud.aiplatform.v1beta1.PredictionService';
  const wrapped = (json: unknown): Buffer => {
    const data = field(1, 'application/json');
    field(2, typeof json === 'string' ? json : JSON.stringify(json), data);
    return frame(field(2, data.finish(), field(1, 'endpoint')).finish());
  };

  it.each([
    ['ChatCompletions', { messages: [{ role: 'user', content: 'hi' }] }, 'chat', 'vertex-chat', 'userhi'],
    ['RawPredict', { input: 'hi' }, 'responses', 'vertex-responses', '[{"input":"hi"}]'],
    ['StreamRawPredict', { input: 'hi' }, 'responses', 'vertex-responses', '[{"input":"hi"}]'],
  ])('reads %s', (method, json, api, dialect, prompt) => {
    const body = read(parser, `${SERVICE}/${method}`, wrapped({ model: 'm', ...json })) as InferenceBody;
    expect(body).toMatchObject({ api, dialect, model: 'm', modelOptional: true });
    expect(body.modelSpan).toBeUndefined();
    expect(Buffer.from(promptsOf(body)[0]).toString()).toBe(prompt);
  });

  it.each([
    ['a bad frame', Buffer.from([0, 0, 0, 0, 9]), /^invalid or unsupported gRPC payload$/],
    ['bytes that are no message', frame(Uint8Array.from([0x12, 9])), /^unmarshaling RawPredictRequest: /],
    ['a message without a body', frame(field(1, 'x').finish()), /^RawPredictRequest has no HttpBody$/],
    ['a body that is no JSON', wrapped('nope'), /^parsing RawPredictRequest: error unmarshaling request bodyMap: /],
    ['a body without input', wrapped({}), /^parsing RawPredictRequest: invalid responses request: must have input/],
  ])('refuses %s', (_what, bytes, message) => {
    const refused = read(parser, `${SERVICE}/RawPredict`, bytes) as Rejection;
    expect(refused.code).toBe('BadRequest');
    expect(refused.message).toMatch(message);
  });

  it('routes other calls unread', () => {
    expect(read(parser, `${SERVICE}/Predict`, Buffer.alloc(0))).toMatchObject({ api: 'opaque' });
  });
});
