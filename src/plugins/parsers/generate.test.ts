import { describe, expect, it } from 'vitest';
import { create } from '../../../test/kit/plugins.ts';
import { promptIn, promptsOf } from '../../../test/kit/prompts.ts';
import type { Rejection } from '../../core/errors.ts';
import { NO_HEADERS } from '../../core/headers.ts';
import type { Parser } from '../../core/kinds.ts';
import type { InferenceBody } from '../../core/request.ts';
import { sglanghttpParser } from './sglanghttp.ts';
import { vllmhttpParser } from './vllmhttp.ts';

const read = (parser: Parser, path: string, body: unknown): InferenceBody | Rejection =>
  parser.parse(path, [Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))], NO_HEADERS);

describe('vllmhttp-parser', () => {
  const parser = create(vllmhttpParser);
  const PATH = '/inference/v1/generate';

  it('reads token ids and what goes with them', () => {
    const body = read(parser, PATH, {
      model: 'm',
      token_ids: [9, 0xffffffff],
      features: { mm_hashes: { image: ['h'] }, mm_placeholders: { image: [{ offset: 0, length: 1 }] } },
      sampling_params: { max_tokens: 5 },
      cache_salt: 's',
      stream: true,
    }) as InferenceBody;
    expect(body).toMatchObject({ api: 'generate', dialect: 'vllm', model: 'm', stream: true, cacheSalt: 's' });
    expect(body.maxOutputTokens).toBe(5);
    expect(body.modelSpan).toEqual({ start: 9, end: 12 });
    expect(body.tokenized).toBe(true);
    expect(promptIn(body)).toMatchObject({ tokens: 2, media: [{ modality: 'image', hash: 'h' }] });
    const [bytes] = promptsOf(body);
    expect([...bytes.subarray(4)]).toEqual([255, 255, 255, 255]);
    expect([...bytes.subarray(0, 4)]).not.toEqual([9, 0, 0, 0]);
  });

  it.each([
    ['nope', /^error unmarshaling request bodyMap: /],
    [{}, /^invalid generate request: must have non-empty token_ids field$/],
    [{ token_ids: [] }, /must have non-empty token_ids field/],
    [{ token_ids: 'x' }, /must have non-empty token_ids field/],
    [{ token_ids: [-1] }, /^invalid generate request: token_ids must be an array of uint32 integers$/],
    [{ token_ids: [1.5] }, /must be an array of uint32 integers/],
    [{ token_ids: [2 ** 32] }, /must be an array of uint32 integers/],
    [{ token_ids: [1], cache_salt: 1 }, /^invalid generate request: cache_salt must be a string$/],
  ])('refuses %j', (body, message) => {
    const refused = read(parser, PATH, body) as Rejection;
    expect(refused.code).toBe('BadRequest');
    expect(refused.message).toMatch(message);
  });
});

describe('sglanghttp-parser', () => {
  const parser = create(sglanghttpParser);
  const PATH = '/generate';

  it('reads token ids and what goes with them', () => {
    const body = read(parser, PATH, {
      input_ids: [7, 0],
      extra_key: 'tenant',
      sampling_params: { max_new_tokens: 0 },
      stream: true,
      unheard: { of: 1 },
    }) as InferenceBody;
    expect(body).toMatchObject({ api: 'generate', dialect: 'sglang', cacheSalt: 'tenant', stream: true });
    expect(body).toMatchObject({ model: '', modelOptional: true, maxOutputTokens: 0 });
    expect(body.modelSpan).toBeUndefined();
    expect([...promptsOf(body)[0]]).toEqual([7, 0, 0, 0, 0, 0, 0, 0]);
    expect(body.tokenized).toBe(true);
  });

  it.each([
    ['nope', /^error unmarshaling request bodyMap: /],
    [{}, /^invalid generate request: input_ids must be provided$/],
    [{ text: 'x' }, /input_ids must be provided/],
    [{ input_embeds: [[1]] }, /input_ids must be provided/],
    [{ input_ids: [] }, /^invalid generate request: input_ids cannot be empty$/],
    [{ input_ids: [[1]] }, /^invalid generate request: input_ids must be an array of uint32 integers$/],
    [{ input_ids: [-1] }, /uint32/],
    [{ input_ids: [1.5] }, /uint32/],
    [{ input_ids: [2 ** 32] }, /uint32/],
    [{ input_ids: [1], extra_key: ['a'] }, /^unsupported generate request: extra_key must be a string$/],
  ])('refuses %j', (body, message) => {
    const refused = read(parser, PATH, body) as Rejection;
    expect(refused.code).toBe('BadRequest');
    expect(refused.message).toMatch(message);
  });

  it.each(['/v1/generate', '/inference/generate', '/xgenerate'])('refuses the path %s', (path) => {
    expect(read(parser, path, { input_ids: [1] })).toMatchObject({ message: `unsupported path: ${path}` });
  });
});
