import { describe, expect, it } from 'vitest';
import type { RenderRequest } from '../core/prompt.ts';
import { chatRender, completionRender, messagesRender } from './render-request.ts';

const bytesOf = (text: string): Uint8Array[] => [Buffer.from(text.slice(0, 9)), Buffer.from(text.slice(9))];
const textOf = ({ body }: RenderRequest): string => Buffer.from(body()).toString();

describe('a render request', () => {
  it("is the client's bytes with another model", () => {
    const text = '{"n":9007199254740993, "model" : "tenant","prompt":"a<b"}';
    const request = completionRender(bytesOf(text), 'base');
    expect(textOf(request)).toBe('{"n":9007199254740993, "model" : "base","prompt":"a<b"}');
    expect(request).toMatchObject({ api: 'completions', media: false });
  });

  it('names the model where the client does not', () => {
    expect(textOf(completionRender(bytesOf('{"prompt":"a"}'), 'base'))).toBe('{"model":"base","prompt":"a"}');
  });

  it.each([
    [[{ role: 'user', content: 'hi' }], false],
    [
      [
        { role: 'user', content: 'hi' },
        { role: 'user', content: [{ text: 'hi' }] },
      ],
      true,
    ],
    [[{ role: 'assistant' }], false],
  ])('of a chat of %j may hold media: %s', (messages, media) => {
    const body = { model: 'm', messages };
    const request = chatRender(body)(bytesOf(JSON.stringify(body)), 'base');
    expect(request).toMatchObject({ api: 'chat', media });
    expect(JSON.parse(textOf(request))).toEqual({ model: 'base', messages });
  });

  it('of an Anthropic request is a chat', () => {
    const image = { type: 'image', source: { data: 'QQ==' } };
    for (const [content, media] of [
      ['hi', false],
      [[image], true],
    ] as const) {
      const body = { model: 'm', messages: [{ role: 'user', content }] };
      const request = messagesRender(body)(bytesOf(JSON.stringify(body)), 'base');
      expect(request).toMatchObject({ api: 'chat', media });
      expect(JSON.parse(textOf(request))).toMatchObject({ model: 'base', messages: [{ role: 'user' }] });
    }
  });
});
