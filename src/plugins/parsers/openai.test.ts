import { describe, expect, it } from 'vitest';
import { create } from '../../../test/kit/plugins.ts';
import { promptIn, promptsOf } from '../../../test/kit/prompts.ts';
import { Rejection } from '../../core/errors.ts';
import { NO_HEADERS } from '../../core/headers.ts';
import type { InferenceBody } from '../../core/request.ts';
import { MEDIA_DEFAULTS, MediaEstimate } from '../../payload/prompt-media.ts';
import { openaiParser } from './openai.ts';

const CHAT = '/v1/chat/completions';
const COMPLETIONS = '/v1/completions';
const EMBEDDINGS = '/v1/embeddings';
const RESPONSES = '/v1/responses';
const parser = create(openaiParser);
const read = (path: string, body: unknown): InferenceBody | Rejection =>
  parser.parse(path, [Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))], NO_HEADERS);
const accept = (path: string, body: unknown): InferenceBody => {
  const result = read(path, body);
  if (result instanceof Rejection) throw new Error(result.message);
  return result;
};
const textsOf = (body: InferenceBody): string[] => promptsOf(body).map((bytes) => Buffer.from(bytes).toString());
const messages = [{ role: 'user', content: 'hi' }];

describe('openai-parser', () => {
  it('reads a chat', () => {
    const body = accept(CHAT, { model: 'm', stream: true, max_tokens: 7, cache_salt: 's', messages });
    expect(body).toMatchObject({ api: 'chat', model: 'm', stream: true, maxOutputTokens: 7, cacheSalt: 's' });
    expect(textsOf(body)).toEqual(['userhi']);
  });

  it('puts tools before messages and nothing between them', () => {
    const body = accept(CHAT, {
      model: 'm',
      tools: [{ a: 1 }],
      messages: [
        { role: 'system', content: 'be' },
        { role: 'assistant', tool_calls: [{ id: 'x' }] },
        { role: 'assistant', content: null },
        { role: 'user', content: [{ type: 'text', text: 'look' }, 'here', { type: 'odd', odd: 1 }] },
      ],
    });
    expect(textsOf(body)).toEqual(['[{"a":1}]systembeassistantassistantuserlookhere{"type":"odd","odd":1}']);
  });

  it('builds the prompt once for each way of counting media', () => {
    const body = accept(CHAT, { model: 'm', messages });
    const prompt = promptIn(body);
    expect(promptIn(body)).toBe(prompt);
    const other = body.prompt(new MediaEstimate(MEDIA_DEFAULTS), NO_HEADERS);
    expect(other).not.toBe(prompt);
    expect(other).toEqual(prompt);
  });

  it.each([
    [COMPLETIONS, { prompt: 'a' }, false],
    [COMPLETIONS, { prompt: ['a', 'b'] }, false],
    [COMPLETIONS, { prompt: [1, 2] }, true],
    [COMPLETIONS, { prompt: [[1], [2]] }, true],
    [EMBEDDINGS, { input: 'a' }, false],
    [EMBEDDINGS, { input: [1, 2] }, true],
    [EMBEDDINGS, { input: [[1], [2]] }, false],
    [CHAT, { messages }, false],
  ])('says of %s %j whether it came as token ids: %s', (path, fields, tokenized) => {
    expect(accept(path, { model: 'm', ...fields })).toMatchObject({ tokenized });
  });

  it('lists media in their order', () => {
    const content = [
      { type: 'audio_url', audio_url: { url: 'https://e.test/3' } },
      { type: 'video_url', video_url: { url: 'https://e.test/2' } },
      { type: 'image_url', image_url: { url: 'https://e.test/1' } },
    ];
    const { media, tokens } = promptIn(accept(CHAT, { model: 'm', messages: [{ role: 'user', content }] }));
    expect(media.map(({ modality }) => modality)).toEqual(['audio', 'video', 'image']);
    expect(tokens).toBe(1 + 4 + 4500 + 225);
    expect(promptIn(accept(CHAT, { model: 'm', messages })).media).toEqual([]);
  });

  it.each([
    ['an image', { type: 'image_url', image_url: { url: 'https://e.test/1' } }, 225],
    ['a video', { type: 'video_url', video_url: { url: 'https://e.test/2' } }, 4500],
    ['a sound', { type: 'input_audio', input_audio: { data: '12345', format: 'wav' } }, 2],
  ])('counts %s as placeholders from a word boundary on', (_what, block, tokens) => {
    const of = (part: unknown): Uint8Array =>
      promptsOf(accept(CHAT, { model: 'm', messages: [{ role: 'user', content: [{ text: 'look' }, part] }] }))[0];
    const bytes = of(block);
    expect(bytes.length).toBe('userlook'.length + tokens * 4);
    const other = JSON.parse(JSON.stringify(block).replace('e.test', 'f.test').replace('12345', '12346')) as unknown;
    expect(of(other).length).toBe(bytes.length);
    expect(Buffer.from(of(other)).equals(bytes)).toBe(false);
  });

  it.each([
    ['a text', 'one', ['one']],
    ['texts', ['one', 'two'], ['one', 'two']],
    ['token ids', [65, 66], ['A\0\0\0B\0\0\0']],
    ['lists of token ids', [[65], [66]], ['A\0\0\0', 'B\0\0\0']],
  ])('reads completions of %s', (_what, prompt, expected) => {
    const body = accept(COMPLETIONS, { model: 'm', prompt });
    expect(body.api).toBe('completions');
    expect(textsOf(body)).toEqual(expected);
  });

  it.each([
    [{ max_completion_tokens: 5, max_tokens: 7 }, 5],
    [{ max_completion_tokens: -1, max_tokens: 7 }, 7],
    [{ max_tokens: 0 }, 0],
    [{ max_tokens: 1.5 }, undefined],
    [{}, undefined],
  ])('takes the token limit of %j as %s', (limits, expected) => {
    expect(accept(CHAT, { model: 'm', messages, ...limits }).maxOutputTokens).toBe(expected);
  });

  it.each([
    [CHAT, 'nope', /^error unmarshaling request bodyMap: /],
    [CHAT, '', /^error unmarshaling request bodyMap: /],
    [CHAT, '[]', /expected a JSON object, found an array/],
    [CHAT, { messages: [] }, /must have valid messages field/],
    [CHAT, { messages: 'x' }, /must have valid messages field/],
    [CHAT, { prompt: 'x' }, /must have valid messages field/],
    [COMPLETIONS, { prompt: [] }, /must have prompt field/],
    [COMPLETIONS, { prompt: 4 }, /must have prompt field/],
    [COMPLETIONS, {}, /must have prompt field/],
  ])('refuses at %s %j', (path, body, message) => {
    const result = read(path, body) as Rejection;
    expect(result).toBeInstanceOf(Rejection);
    expect(result.code).toBe('BadRequest');
    expect(result.message).toMatch(message);
  });

  it.each([
    [EMBEDDINGS, { input: 'hi' }, 'embeddings', ['"hi"']],
    [EMBEDDINGS, { input: ['a', 'b'] }, 'embeddings', ['["a","b"]']],
    [EMBEDDINGS, { input: [65] }, 'embeddings', ['A\0\0\0']],
    [RESPONSES, { input: 'hi' }, 'responses', ['[{"input":"hi"}]']],
    [
      RESPONSES,
      { input: [1], tools: [2], instructions: 'be' },
      'responses',
      ['[{"instructions":"be"},{"tools":[2]},{"input":[1]}]'],
    ],
    ['/v1/conversations', { items: [{ role: 'user' }] }, 'conversations', ['[{"role":"user"}]']],
    ['/prefix/v1/images/generations', { prompt: 'a cat' }, 'images', []],
    [`${CHAT}/render`, { messages }, 'chat', ['userhi']],
    [`${COMPLETIONS}/render`, { prompt: 'hi' }, 'completions', ['hi']],
  ])('reads %s %j', (path, fields, api, prompts) => {
    const body = accept(path, { model: 'm', cache_salt: 's', stream: true, ...fields });
    expect(body).toMatchObject({ api, model: 'm', cacheSalt: 's', stream: true });
    expect(textsOf(body)).toEqual(prompts);
  });

  it.each([
    [EMBEDDINGS, {}, 'invalid embeddings request: must have input field'],
    [EMBEDDINGS, { input: null }, 'invalid embeddings request: must have input field'],
    [EMBEDDINGS, { input: {} }, 'invalid embeddings request: must have input field'],
    [EMBEDDINGS, { input: 'x', cache_salt: 1 }, 'invalid embeddings request: cache_salt must be a string'],
    [RESPONSES, {}, 'invalid responses request: must have input field'],
    [RESPONSES, { input: null }, 'invalid responses request: must have input field'],
    ['/v1/conversations', { items: [] }, 'invalid conversations request: must have items field'],
    ['/v1/images/generations', {}, 'invalid images generations request: must have prompt field'],
    ['/v1/images/generations', { prompt: '' }, 'invalid images generations request: must have prompt field'],
    [COMPLETIONS, { prompt: [1, 'x'] }, 'invalid completions request: must have prompt field'],
    [COMPLETIONS, { prompt: '' }, 'invalid completions request: must have prompt field'],
    [COMPLETIONS, { prompt: [-1] }, 'invalid completions request: must have prompt field'],
    [COMPLETIONS, { prompt: [2 ** 32] }, 'invalid completions request: must have prompt field'],
    [CHAT, { messages: [{ role: 1 }] }, 'invalid chat completions request: must have valid messages field'],
    [CHAT, { messages: [{ content: 1 }] }, 'invalid chat completions request: must have valid messages field'],
    [CHAT, { messages: [{ content: [1] }] }, 'invalid chat completions request: must have valid messages field'],
    [CHAT, { messages: ['x'] }, 'invalid chat completions request: must have valid messages field'],
  ])('refuses at %s %j with its reason', (path, body, message) => {
    expect(read(path, { model: 'm', ...body })).toMatchObject({ code: 'BadRequest', message });
  });

  it.each([
    ['tools', [], {}, 'an array'],
    ['documents', [{}], 'x', 'an array'],
    ['chat_template', 'x', 1, 'a string'],
    ['return_assistant_tokens_mask', true, 'true', 'a boolean'],
    ['continue_final_message', false, 0, 'a boolean'],
    ['add_generation_prompt', true, [], 'a boolean'],
    ['chat_template_kwargs', {}, [], 'an object'],
    ['cache_salt', 's', 1, 'a string'],
  ])('checks the type of %s', (field, good, bad, type) => {
    accept(CHAT, { model: 'm', messages, [field]: good });
    accept(CHAT, { model: 'm', messages, [field]: null });
    expect(read(CHAT, { model: 'm', messages, [field]: bad })).toMatchObject({
      code: 'BadRequest',
      message: `invalid chat completions request: ${field} must be ${type}`,
    });
  });

  it('knows whose errors the clients of a path expect', () => {
    expect(parser.dialect(RESPONSES)).toBe('responses');
    expect(parser.dialect(CHAT)).toBe('openai');
    expect(accept(RESPONSES, { model: 'm', input: 'x' }).dialect).toBe('responses');
  });

  it('tells where the model stands in a body that came in pieces', () => {
    const pieces = ['{"prompt":"x","mo', 'del": "old"}'].map((text) => Buffer.from(text));
    const body = parser.parse(COMPLETIONS, pieces, NO_HEADERS) as InferenceBody;
    expect(body.modelSpan).toEqual({ start: 23, end: 28 });
    expect(accept(COMPLETIONS, { prompt: 'x' }).modelSpan).toEqual({ start: 1, end: 1 });
  });

  it('reads a model that is no text as none, and stream only when it is true', () => {
    expect(accept(CHAT, { model: 3, stream: 'true', messages })).toMatchObject({ model: '', stream: false });
  });
});
