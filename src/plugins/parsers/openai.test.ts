import { describe, expect, it } from 'vitest';
import { create } from '../../../test/kit/plugins.ts';
import { Rejection } from '../../core/errors.ts';
import { NO_HEADERS } from '../../core/headers.ts';
import type { InferenceBody } from '../../core/request.ts';
import { openaiParser } from './openai.ts';

const CHAT = '/v1/chat/completions';
const COMPLETIONS = '/v1/completions';
const parser = create(openaiParser);
const read = (path: string, body: unknown): InferenceBody | Rejection =>
  parser.parse(path, [Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))], NO_HEADERS);
const accept = (path: string, body: unknown): InferenceBody => {
  const result = read(path, body);
  if (result instanceof Rejection) throw new Error(result.message);
  return result;
};
const promptsOf = (body: InferenceBody): string[] => body.prompts().map((bytes) => Buffer.from(bytes).toString());
const messages = [{ role: 'user', content: 'hi' }];

describe('openai-parser', () => {
  it('reads a chat', () => {
    const body = accept(CHAT, { model: 'm', stream: true, max_tokens: 7, cache_salt: 's', messages });
    expect(body).toMatchObject({ api: 'chat', model: 'm', stream: true, maxOutputTokens: 7, cacheSalt: 's' });
    expect(promptsOf(body)).toEqual(['userhi']);
  });

  it('puts tools before messages and keeps what is not text apart', () => {
    const parts = [
      { type: 'text', text: 'look' },
      { type: 'image_url', image_url: { url: 'data:1' } },
    ];
    const body = accept(CHAT, { model: 'm', tools: [{ a: 1 }], messages: [{ role: 'user', content: parts }] });
    expect(promptsOf(body)).toEqual(['[{"a":1}]userlook{"type":"image_url","image_url":{"url":"data:1"}}']);
  });

  it.each([
    ['a text', 'one', ['one']],
    ['texts', ['one', 'two'], ['one', 'two']],
    ['token ids', [65, 66], ['A\0\0\0B\0\0\0']],
    ['lists of token ids', [[65], [66]], ['A\0\0\0', 'B\0\0\0']],
  ])('reads completions of %s', (_what, prompt, expected) => {
    const body = accept(COMPLETIONS, { model: 'm', prompt });
    expect(body.api).toBe('completions');
    expect(promptsOf(body)).toEqual(expected);
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

  it('reads a model that is no text as none, and stream only when it is true', () => {
    expect(accept(CHAT, { model: 3, stream: 'true', messages })).toMatchObject({ model: '', stream: false });
  });
});
