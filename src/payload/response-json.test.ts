import { describe, expect, it } from 'vitest';
import { JsonBodyReader, MAX_USAGE_BYTES } from './response-json.ts';
import { USAGE_DIALECTS } from './usage-dialects.ts';

/** A usage object of exactly `bytes` bytes. */
function usageOf(bytes: number): string {
  const start = '{"prompt_tokens":1,"note":"';
  return `${start}${'x'.repeat(bytes - start.length - 2)}"}`;
}

function promptTokens(pieces: readonly string[]): number | undefined {
  const reader = new JsonBodyReader(USAGE_DIALECTS.openai);
  for (const piece of pieces) reader.push(Buffer.from(piece));
  reader.finish();
  return reader.usage?.promptTokens;
}

describe('JsonBodyReader', () => {
  it.each([
    [MAX_USAGE_BYTES, 1],
    [MAX_USAGE_BYTES + 1, undefined],
  ])('reads a usage object up to its bound: %i bytes', (bytes, tokens) => {
    const body = `{"usage":${usageOf(bytes)}}`;
    expect(promptTokens([body])).toBe(tokens);
    expect(promptTokens([body.slice(0, 5000), body.slice(5000)])).toBe(tokens);
  });

  it('finds the next usage after one that was too long', () => {
    expect(promptTokens([`{"a":{"usage":${usageOf(MAX_USAGE_BYTES + 1)}}`, ',"usage":{"prompt_tokens":4}}'])).toBe(4);
  });

  it('starts again after a key with another value', () => {
    expect(promptTokens(['{"usage":', '3,"usage"', ':[],"usage" ', ': {"prompt_tokens":4}}'])).toBe(4);
  });
});
