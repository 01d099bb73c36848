import { describe, expect, it } from 'vitest';
import { chatOfMessages } from './anthropic-chat.ts';

/** The chat as it goes over the wire. */
function chatOf(body: object): { messages: unknown[]; tools?: unknown[]; [name: string]: unknown } {
  return JSON.parse(JSON.stringify(chatOfMessages(body as Record<string, unknown>, 'base')));
}
const user = (content: unknown) => ({ role: 'user', content });
const messagesOf = (...messages: unknown[]): unknown[] => chatOf({ messages }).messages;
const base64 = (data: string, more: object = {}) => ({ type: 'image', source: { type: 'base64', data, ...more } });
const part = (url: string) => ({ type: 'image_url', image_url: { url } });

describe('an Anthropic request as a chat', () => {
  it('names the model asked for and nothing else of the body', () => {
    const body = { model: 'claude', max_tokens: 5, stream: true, messages: [user('hi')] };
    expect(chatOf(body)).toEqual({ model: 'base', messages: [user('hi')] });
  });

  it('keeps what shapes the template', () => {
    const body = { messages: [user('hi')], chat_template_kwargs: { thinking: true } };
    expect(chatOf(body)).toMatchObject({ chat_template_kwargs: { thinking: true } });
  });

  it('begins with the system texts, wherever they stand, without the accounting line', () => {
    const system = [
      { type: 'text', text: 'x-anthropic-billing-header: 1' },
      { type: 'text', text: 'Be ' },
      { type: 'text', text: 'brief' },
    ];
    const messages = [user('hi'), { role: 'system', content: '!' }, { role: 'system', content: [{ text: '?' }] }];
    expect(chatOf({ system, messages }).messages).toEqual([{ role: 'system', content: 'Be brief!?' }, user('hi')]);
    expect(chatOf({ system: 'Be brief', messages: [user('hi')] }).messages[0]).toEqual({
      role: 'system',
      content: 'Be brief',
    });
  });

  it.each<[what: string, content: unknown, chat: unknown]>([
    ['one text', [{ type: 'text', text: 'a' }], 'a'],
    [
      'texts, empty ones left out',
      [
        { type: 'text', text: 'a' },
        { type: 'text', text: '' },
        { type: 'text', text: 'b' },
      ],
      [
        { type: 'text', text: 'a' },
        { type: 'text', text: 'b' },
      ],
    ],
    ['an image', [base64('QUJD', { media_type: 'image/png' })], [part('data:image/png;base64,QUJD')]],
    ['an image of no type', [base64('QUJD')], [part('data:image/jpeg;base64,QUJD')]],
    ['a linked image', [{ type: 'image', source: { type: 'url', url: 'http://a' } }], [part('http://a')]],
    ['a linked image of no type', [{ type: 'image', source: { url: 'http://a' } }], [part('http://a')]],
    ['a text beside an empty image', [{ type: 'text', text: 'a' }, base64('')], 'a'],
  ])('has %s of a user', (_what, content, chat) => {
    expect(messagesOf(user(content))).toEqual([user(chat)]);
  });

  it.each([[[]], [null], [[{ type: 'odd' }]], [[{ type: 'text' }]]])('leaves out a user who says %j', (content) => {
    expect(messagesOf(user('hi'), user(content))).toEqual([user('hi')]);
  });

  it('turns thinking and calls of an assistant into fields of its message', () => {
    const content = [
      { type: 'thinking', thinking: 'hm, ' },
      { type: 'redacted_thinking', data: 'x' },
      { type: 'thinking', thinking: 'yes' },
      { type: 'text', text: 'Looking.' },
      { type: 'tool_use', id: 't1', name: 'find', input: { city: 'Köln', n: 2 } },
      { type: 'tool_use', name: 'stop' },
    ];
    expect(messagesOf({ role: 'assistant', content })).toEqual([
      {
        role: 'assistant',
        content: 'Looking.',
        reasoning: 'hm, yes',
        tool_calls: [
          {
            id: 't1',
            type: 'function',
            function: { name: 'find', arguments: String.raw`{"city": "K\u00f6ln", "n": 2}` },
          },
          { id: 'call_0000000000', type: 'function', function: { name: 'stop', arguments: '{}' } },
        ],
      },
    ]);
    expect(messagesOf({ role: 'assistant', content: [] })).toEqual([{ role: 'assistant' }]);
  });

  it("puts results of tools before the user's own words, pictures in them after the text", () => {
    const results = [
      { type: 'text', text: 'and now?' },
      { type: 'tool_result', tool_use_id: 't1', content: 'rain' },
      {
        type: 'tool_result',
        tool_use_id: 't2',
        content: [{ type: 'text', text: 'a' }, base64('QQ=='), { type: 'text', text: 'b' }],
      },
    ];
    expect(messagesOf(user(results))).toEqual([
      { role: 'tool', tool_call_id: 't1', content: 'rain' },
      { role: 'tool', tool_call_id: 't2', content: 'a\nb' },
      user([part('data:image/jpeg;base64,QQ==')]),
      user('and now?'),
    ]);
    expect(messagesOf(user([{ type: 'tool_result' }]))).toEqual([{ role: 'tool', tool_call_id: '', content: '' }]);
  });

  it('reads a result an assistant has as text', () => {
    const content = [{ type: 'tool_result', content: 'rain' }];
    expect(messagesOf({ role: 'assistant', content })).toEqual([{ role: 'assistant', content: 'Tool result: rain' }]);
  });

  it('describes tools as functions', () => {
    const schema = { type: 'object', properties: { b: {}, a: {} } };
    const tools = [
      { name: 'find', description: 'Finds.', input_schema: schema },
      { name: 'stop', strict: true },
    ];
    expect(chatOf({ messages: [user('hi')], tools }).tools).toEqual([
      { type: 'function', function: { name: 'find', description: 'Finds.', parameters: schema } },
      { type: 'function', function: { name: 'stop', parameters: { type: 'object' }, strict: true } },
    ]);
    for (const none of [undefined, null, []])
      expect(chatOf({ messages: [user('hi')], tools: none }).tools).toBeUndefined();
  });

  it('survives anything where something else should be', () => {
    const odd = [7, null, 'x', { role: 5, content: [1, null] }, user([{ type: 'image', source: 'x' }])];
    expect(() => chatOf({ messages: odd, system: 9, tools: [null, 3] })).not.toThrow();
  });
});
