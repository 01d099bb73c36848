import { describe, expect, it } from 'vitest';
import * as v from 'valibot';
import { NO_EDITS } from '../../../test/kit/edits.ts';
import { create, inferenceRequest, NO_METER, pluginContext } from '../../../test/kit/plugins.ts';
import type { Usage } from '../../core/usage.ts';
import { requestAttributeReporter } from './request-attribute-reporter.ts';

const attribute = (expression: string, more: object = {}) => ({
  attributes: [{ key: { name: 'cost' }, expression, ...more }],
});

/** What is written beside the end of a response, and what failed. */
function report(parameters: object, usage: Usage | undefined) {
  const faults: unknown[] = [];
  const meter = { ...NO_METER, fault: (error: unknown) => void faults.push((error as Error).message.split('\n')[0]) };
  const plugin = create(requestAttributeReporter, parameters, pluginContext({ meter }));
  const schedule = { primary: 'p', picks: new Map([['p', Uint32Array.of(0)]]) };
  const follower = plugin.onPicked?.(inferenceRequest(), schedule, NO_EDITS);
  const written: unknown[][] = [];
  follower?.onComplete?.(usage, { set: (...entry) => void written.push(entry) });
  return { written, faults };
}

/** Contract 3.6, request-attribute-reporter. */
describe('request-attribute-reporter', () => {
  it.each([
    ['usage.prompt_tokens + usage.completion_tokens', 17],
    ['usage.prompt_tokens * 0.5', 3],
    ['usage.prompt_tokens * -0.5', -3],
    ['int(usage.prompt_tokens) + 9007199254740991 - 7', Number.MAX_SAFE_INTEGER],
    ['10', 10],
  ])('writes the whole part of %s', (expression, value) => {
    const { written, faults } = report(attribute(expression), { promptTokens: 7, completionTokens: 10 });
    expect([written, faults]).toEqual([[['envoy.lb', 'cost', value]], []]);
  });

  it.each([
    ['0', 'usage.prompt_tokens - 7.0'],
    ['less than 1', 'usage.prompt_tokens * 0.01'],
    ['no number', 'usage.prompt_tokens > 50.0 ? usage.prompt_tokens : dyn("few")'],
    ['infinite', 'usage.prompt_tokens / 0.0'],
    ['not a number', '(usage.prompt_tokens - 7.0) / 0.0'],
  ])('writes nothing that is %s', (_what, expression) => {
    expect(report(attribute(expression), { promptTokens: 7 })).toEqual({ written: [], faults: [] });
  });

  it('takes a response without usage for one of no tokens', () => {
    expect(report(attribute('usage.total_tokens'), undefined).written).toEqual([]);
    expect(report(attribute('usage.total_tokens + 1.0'), undefined).written).toEqual([['envoy.lb', 'cost', 1]]);
  });

  it('writes only where the condition holds', () => {
    const parameters = attribute('usage.total_tokens', { condition: 'usage.completion_tokens > 0' });
    expect(report(parameters, { promptTokens: 7, completionTokens: 1 }).written).toEqual([['envoy.lb', 'cost', 8]]);
    expect(report(parameters, { promptTokens: 7 }).written).toEqual([]);
    expect(report(attribute('1', { condition: '' }), undefined).written).toHaveLength(1);
  });

  it.each([
    ['expression', attribute('usage.prompt_tokens_details.cached_tokens')],
    ['condition', attribute('1', { condition: 'usage.prompt_tokens_details.cached_tokens > 0' })],
  ])('counts an %s that fails, and writes nothing', (_which, parameters) => {
    expect(report(parameters, { promptTokens: 7 })).toEqual({
      written: [],
      faults: ['No such key: prompt_tokens_details'],
    });
    expect(report(parameters, { promptTokens: 7, cachedTokens: 3 }).written).toHaveLength(1);
  });

  it('writes into the namespace it is told to', () => {
    for (const [namespace, expected] of [
      ['billing', 'billing'],
      ['', 'envoy.lb'],
    ]) {
      const parameters = { attributes: [{ key: { namespace, name: 'cost' }, expression: '1' }] };
      expect(report(parameters, undefined).written).toEqual([[expected, 'cost', 1]]);
    }
  });

  it.each([
    [{ attributes: [] }, 'must have exactly one entry'],
    [{ attributes: [...attribute('1').attributes, ...attribute('2').attributes] }, 'must have exactly one entry'],
    [{ attributes: [{ key: { name: '' }, expression: '1' }] }, 'must not be empty'],
    [attribute('1 +'), 'must be valid CEL: 1:4: Unexpected token: EOF'],
    [attribute('1', { condition: 'usage.total_tokens' }), 'must yield a bool'],
  ])('refuses %j', (parameters, message) => {
    expect(v.safeParse(requestAttributeReporter.config, parameters).issues?.map((issue) => issue.message)).toEqual([
      message,
    ]);
  });
});
