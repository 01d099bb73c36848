import { array, assert, integer, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ModelRewrite, ModelRewrites, type RewriteTarget } from './rewrites.ts';
import { WeightedTurns } from './weighted-turns.ts';

const to = (model: string, weight?: number): RewriteTarget => ({ model, weight });

function rewritesOf(...rewrites: readonly ModelRewrite[]): ModelRewrites {
  const live = new ModelRewrites();
  live.replace(rewrites);
  return live;
}

const rewrite = (name: string, createdAtMs: number, ...rules: ModelRewrite['rules']): ModelRewrite => ({
  name,
  createdAtMs,
  rules,
});

function shares(targets: readonly RewriteTarget[], requests: number): Record<string, number> {
  const live = rewritesOf(rewrite('r', 0, { models: [], targets }));
  const counts: Record<string, number> = {};
  for (let i = 0; i < requests; i++) {
    const model = live.decide('m')?.model ?? 'nothing';
    counts[model] = (counts[model] ?? 0) + 1;
  }
  return counts;
}

describe('model rewrites', () => {
  it('leaves models alone that no rule is for', () => {
    expect(rewritesOf().decide('m')).toBeUndefined();
    const live = rewritesOf(rewrite('r', 0, { models: ['a', 'b'], targets: [to('x')] }));
    expect(['a', 'b', 'c', ''].map((model) => live.decide(model)?.model)).toEqual(['x', 'x', undefined, undefined]);
    expect(['a', 'c'].map((model) => live.isFor(model))).toEqual([true, false]);
  });

  it('prefers an exact rule of a young object to a generic one of an old object', () => {
    const live = rewritesOf(
      rewrite('old', 1, { models: [], targets: [to('any')] }),
      rewrite('young', 2, { models: ['m'], targets: [to('exact')] }),
    );
    expect(live.decide('m')).toEqual({ rewrite: 'young', model: 'exact' });
    expect(live.decide('other')).toEqual({ rewrite: 'old', model: 'any' });
    expect(live.decide('')).toEqual({ rewrite: 'old', model: 'any' });
  });

  it.each([[['m']], [[]]])('prefers the oldest object, then the first name, then the first rule, for %j', (models) => {
    const rule = (model: string) => ({ models, targets: [to(model)] });
    const age = rewritesOf(rewrite('a', 2, rule('younger')), rewrite('b', 1, rule('older')));
    expect(age.decide('m')?.model).toBe('older');
    const name = rewritesOf(rewrite('b', 1, rule('second')), rewrite('a', 1, rule('first')));
    expect(name.decide('m')?.model).toBe('first');
    const unknown = rewritesOf(rewrite('a', Infinity, rule('undated')), rewrite('b', 1, rule('dated')));
    expect(unknown.decide('m')?.model).toBe('dated');
    const order = rewritesOf(rewrite('a', 1, rule('first'), rule('second')));
    expect(order.decide('m')?.model).toBe('first');
  });

  it.each<[what: string, targets: RewriteTarget[], expected: Record<string, number>]>([
    ['one target', [to('a', 5)], { a: 100 }],
    ['equal weights', [to('a', 7), to('b', 7)], { a: 50, b: 50 }],
    ['different weights', [to('a', 9), to('b', 1)], { a: 90, b: 10 }],
    ['no weights', [to('a'), to('b'), to('c'), to('d')], { a: 25, b: 25, c: 25, d: 25 }],
    ['zero weights', [to('a', 0), to('b', 0)], { a: 50, b: 50 }],
    ['weights for some', [to('a'), to('b', 3), to('c', 1)], { b: 75, c: 25 }],
    ['no targets', [], { '': 100 }],
  ])('shares by weight: %s', (_what, targets, expected) => {
    expect(shares(targets, 100)).toEqual(expected);
  });

  it('forgets rules that are gone', () => {
    const live = rewritesOf(rewrite('r', 0, { models: ['m'], targets: [to('x')] }));
    live.replace([]);
    expect(live.decide('m')).toBeUndefined();
  });
});

describe('weighted turns', () => {
  it('mixes small shares in instead of serving them in a block', () => {
    const turns = new WeightedTurns([5, 1, 1]);
    expect(Array.from({ length: 7 }, () => turns.next())).toEqual([0, 0, 1, 0, 2, 0, 0]);
  });

  it('takes each choice exactly its weight’s times a round, whatever the weights', () => {
    assert(
      property(array(integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 8 }), (weights) => {
        const turns = new WeightedTurns(weights);
        const sum = weights.reduce((total, weight) => total + weight, 0);
        const expected = sum === 0 ? weights.map(() => 1) : weights;
        const taken = weights.map(() => 0);
        for (let i = 0; i < (sum || weights.length); i++) taken[turns.next()]++;
        expect(taken).toEqual(expected);
      }),
    );
  });

  it('gives a 1 in 1 000 001 choice its turn at the largest weights', () => {
    const turns = new WeightedTurns([1_000_000, 1]);
    let rare = 0;
    for (let i = 0; i < 1_000_001; i++) rare += turns.next();
    expect(rare).toBe(1);
  });
});
