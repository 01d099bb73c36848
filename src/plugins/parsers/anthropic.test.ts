import { describe, expect, it } from 'vitest';
import { create } from '../../../test/kit/plugins.ts';
import { promptsOf } from '../../../test/kit/prompts.ts';
import { Rejection } from '../../core/errors.ts';
import { NO_HEADERS } from '../../core/headers.ts';
import type { InferenceBody } from '../../core/request.ts';
import { anthropicParser } from './anthropic.ts';

const MESSAGES = '/v1/messages';
const parser = create(anthropicParser);
const read = (body: unknown, path = MESSAGES): InferenceBody | Rejection =>
  parser.parse(path, [Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))], NO_HEADERS);
const accept = (fields: object): InferenceBody => {
  const result = read({ model: 'm', max_tokens: 9, ...fields });
  if (result instanceof Rejection) throw new Error(result.message);
  return result;
};
const promptOf = (fields: object): string => Buffer.from(promptsOf(accept(fields))[0]).toString();
const messages = [{ role: 'user', content: 'hi' }];

describe('anthropic-parser', () => {
  it('reads messages', () => {
    const body = accept({ messages, stream: true, cache_salt: 's' });
    expect(body).toMatchObject({ api: 'messages', dialect: 'anthropic', model: 'm', stream: true });
    expect(body).toMatchObject({ maxOutputTokens: 9, cacheSalt: 's' });
    expect(body.modelSpan).toEqual({ start: 9, end: 12 });
  });

  it.each([
    ['a text', { messages }, 'userhi'],
    ['a system text', { messages, system: 'be kind' }, 'be kinduserhi'],
    [
      'system blocks, less the billing line',
      { messages, system: [{ text: 'x-anthropic-billing-header: 1' }, { type: 'text', text: 'be' }] },
      'beuserhi',
    ],
    ['tools', { messages, tools: [{ name: 't' }] }, '[{"name":"t"}]userhi'],
    [
      'tool use, its result and thinking',
      {
        messages: [
          { role: 'user', content: [{ type: 'text', text: 'go' }] },
          {
            role: 'assistant',
            content: [
              { type: 'thinking', thinking: 'hm' },
              { type: 'tool_use', id: 'i', name: 'n', input: { a: 1 } },
            ],
          },
          {
            role: 'user',
            content: [
              { type: 'tool_result', content: 'ok' },
              { type: 'tool_result', content: [{ type: 'text', text: 'fine' }] },
              { type: 'tool_result' },
            ],
          },
        ],
      },
      'usergoassistanthmin{"a":1}userokfine',
    ],
    ['what it does not know', { messages: [{ role: 'user', content: [{ type: 'odd' }] }] }, 'user{"type":"odd"}'],
  ])('hashes %s', (_what, fields, prompt) => {
    expect(promptOf(fields)).toBe(prompt);
  });

  it.each([
    ['data', { type: 'base64', data: 'AAAA' }],
    ['a link', { type: 'url', url: 'https://e.test/1' }],
  ])('counts an image by %s', (_what, source) => {
    const content = [{ type: 'image', source }];
    expect(promptsOf(accept({ messages: [{ role: 'user', content }] }))[0].length).toBe(4 + 225 * 4);
  });

  it.each([
    ['nope', /^error unmarshaling request bodyMap: /],
    ['', /^error unmarshaling request bodyMap: /],
    ['null', /expected a JSON object, found null/],
    [{}, /^invalid messages request: must have at least one message$/],
    [{ messages: [] }, /^invalid messages request: must have at least one message$/],
    [{ messages: [1] }, /^invalid messages request: must have valid messages field$/],
    [{ messages: [{ role: 1 }] }, /must have valid messages field/],
    [{ messages: [{ role: 'user', content: 1 }] }, /must have valid messages field/],
    [{ messages, system: 1 }, /^invalid messages request: system must be a string or an array of blocks$/],
    [{ messages, tools: {} }, /^invalid messages request: tools must be an array$/],
  ])('refuses %j', (body, message) => {
    const refused = read(body) as Rejection;
    expect(refused).toBeInstanceOf(Rejection);
    expect(refused.code).toBe('BadRequest');
    expect(refused.message).toMatch(message);
  });

  it.each([['{"messages":[]}'], [''], ['not JSON']])('routes token counting of %j unread', (body) => {
    expect(read(body, '/v1/messages/count_tokens')).toMatchObject({ api: 'opaque', dialect: 'anthropic', model: '' });
  });
});
