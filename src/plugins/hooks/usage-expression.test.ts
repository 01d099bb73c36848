import { describe, expect, it } from 'vitest';
import { compileUsageExpression, type ExpressionUse } from './usage-expression.ts';

const USAGE = { promptTokens: 100, completionTokens: 10, cachedTokens: 64 };

function errorOf(text: string, use: ExpressionUse = 'number'): string {
  try {
    compileUsageExpression(text, use);
    return 'taken';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('an expression over usage', () => {
  it.each([
    ['usage.prompt_tokens', 100],
    ['usage.completion_tokens', 10],
    ['usage.total_tokens', 110],
    ['usage.prompt_tokens_details.cached_tokens', 64],
    ['usage["prompt_tokens"] - usage.prompt_tokens_details.cached_tokens', 36],
    ['usage.prompt_tokens * 0.25 + usage.completion_tokens', 35],
    ['int(usage.completion_tokens) * 3', 30n],
    ['usage.prompt_tokens > 99 ? 1 : 2', 1n],
    ['has(usage.reasoning_tokens) ? usage.reasoning_tokens : 7', 7n],
    ['usage.completion_tokens / 0.0', Number.POSITIVE_INFINITY],
    ['usage.prompt_tokens > 5.0 ? usage.prompt_tokens : dyn("little")', 100],
  ])('computes %s', (text, value) => {
    expect(compileUsageExpression(text, 'number')(USAGE)).toBe(value);
  });

  it('is the one of the documentation of the reference', () => {
    const sum = compileUsageExpression(
      '(has(usage.prompt_tokens) ? usage.prompt_tokens : 0) + (has(usage.completion_tokens) ? usage.completion_tokens : 0)',
      'number',
    );
    expect([sum(USAGE), sum({ completionTokens: 25 }), sum({}), sum(undefined)]).toEqual([110, 25, 0, 0]);
    const both = compileUsageExpression('has(usage.prompt_tokens) && has(usage.completion_tokens)', 'condition');
    expect([both(USAGE), both(undefined)]).toEqual([true, true]);
  });

  it('finds cached tokens only where the server told them', () => {
    const cached = compileUsageExpression('usage.prompt_tokens_details.cached_tokens', 'number');
    expect(cached({ cachedTokens: 0 })).toBe(0);
    expect(() => cached({ promptTokens: 5 })).toThrow('No such key: prompt_tokens_details');
    const guarded = compileUsageExpression('has(usage.prompt_tokens_details)', 'condition');
    expect([guarded({ cachedTokens: 0 }), guarded({ promptTokens: 5 })]).toEqual([true, false]);
  });

  it.each([
    ['usage.completion_tokens > 0', true],
    ['usage.completion_tokens >= 10.0 && usage.prompt_tokens == 100', true],
    ['usage.nothing > 1 || usage.prompt_tokens > 1', true],
    ['!(usage.total_tokens in [110, 111])', false],
  ])('decides %s', (text, value) => {
    expect(compileUsageExpression(text, 'condition')(USAGE)).toBe(value);
  });

  it.each<[text: string, message: string]>([
    ['', 'must be valid CEL: 1:1: Unexpected token: EOF'],
    ['usage.prompt_tokens + -', 'must be valid CEL: 1:24: Unexpected token: EOF'],
    ['usage.prompt_tokens\n  + "a', 'must be valid CEL: 2:5: Unterminated string'],
    ['tokens', 'must be valid CEL: 1:1: Unknown variable: tokens: the only one is usage'],
    ['1 + "a"', 'must be valid CEL: 1:1: no such overload: int + string'],
    ['usage.prompt_token', 'must be valid CEL: 1:7: No such key: prompt_token (did you mean "prompt_tokens"?)'],
    [
      '1.0 +\n usage.thoughts',
      'must be valid CEL: 2:8: No such key: thoughts: known are prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details, cached_tokens',
    ],
    [
      '2 * usage.prompt_tokens',
      'must be valid CEL: 1:1: no such overload: int * dyn<double>: token counts are doubles, so write 2.0 instead of 2',
    ],
    ['"text"', 'must yield an int or a double, not string'],
    ['usage.prompt_tokens > 0', 'must yield an int or a double, not bool'],
    ['uint(usage.prompt_tokens)', 'must yield an int or a double, not uint'],
    ['usage', 'must yield an int or a double, not map<string, dyn>'],
    [`${'('.repeat(60)}1${')'.repeat(60)}`, 'must be valid CEL: 1:51: Exceeded maxDepth (50)'],
  ])('is refused with its place: %j', (text, message) => {
    expect(errorOf(text)).toBe(message);
  });

  it.each<[text: string, message: string]>([
    ['usage.prompt_tokens >', 'must be valid CEL: 1:22: Unexpected token: EOF'],
    ['1', 'must yield a bool, not int'],
    ['usage.prompt_tokens', 'must yield a bool'],
  ])('is refused as a condition: %j', (text, message) => {
    expect(errorOf(text, 'condition')).toBe(message);
  });

  it('is bounded in its size', () => {
    expect(errorOf(Array.from({ length: 2000 }, () => '1').join(' + '))).toMatch(
      /^must be valid CEL: 1:\d+: Exceeded /,
    );
    expect(errorOf(`[${'1,'.repeat(100)}1].size()`)).toMatch(/^must be valid CEL: 1:\d+: Exceeded maxListElements/);
  });
});
