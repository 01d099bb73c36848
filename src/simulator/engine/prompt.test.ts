import { describe, expect, it } from 'vitest';
import { PromptBuilder, TokenChain } from './prompt.ts';

describe('text', () => {
  it.each([
    { text: '', tokens: 0 },
    { text: 'abc', tokens: 1 },
    { text: 'abcd', tokens: 1 },
    { text: 'abcde', tokens: 2 },
    { text: 'äöü', tokens: 2 },
  ])('is four bytes a token: "$text" is $tokens', ({ text, tokens }) => {
    expect(new PromptBuilder().text(text).build().tokens).toBe(tokens);
  });

  it('counts a tail of other bytes as another token', () => {
    const [short, padded] = ['abcdef', 'abcdeg'].map((text) => new PromptBuilder().text(text).build().chain);
    expect(short).not.toEqual(padded);
  });
});

describe('block hashes', () => {
  const prompt = (text: string): readonly number[] => new PromptBuilder().text(text).build().hashes;

  it('are equal as far as prompts are, and differ from there on', () => {
    const one = prompt(`${'same '.repeat(100)}left${'tail'.repeat(40)}`);
    const two = prompt(`${'same '.repeat(100)}rite${'tail'.repeat(40)}`);
    const shared = Math.floor(500 / 64);
    expect(one.slice(0, shared)).toEqual(two.slice(0, shared));
    expect(one.slice(shared).some((hash) => two.includes(hash))).toBe(false);
  });

  it('are named once per whole block', () => {
    expect(prompt('x'.repeat(63))).toHaveLength(1);
    expect(prompt('x'.repeat(60))).toHaveLength(0);
    expect(prompt('x'.repeat(128))).toHaveLength(2);
  });

  it('differ under another salt, without a token more', () => {
    const plain = new PromptBuilder().text('x'.repeat(128)).build();
    const salted = new PromptBuilder().salt('tenant').text('x'.repeat(128)).build();
    expect(salted.tokens).toBe(plain.tokens);
    expect(salted.hashes.some((hash) => plain.hashes.includes(hash))).toBe(false);
  });

  it('go on from where a prompt ended', () => {
    const whole = new PromptBuilder();
    for (let token = 0; token < 32; token += 1) whole.token(token);
    const part = new PromptBuilder();
    for (let token = 0; token < 20; token += 1) part.token(token);
    const { chain, tokens } = part.build();
    const rest = new TokenChain(chain, tokens);
    for (let token = 20; token < 32; token += 1) rest.add(token);
    expect(rest.hash()).toBe(whole.build().hashes[1]);
  });

  it('do not collide over a hundred thousand blocks', () => {
    const chain = new TokenChain();
    const seen = new Set<number>();
    for (let token = 0; token < 1_600_000; token += 1) if (chain.add(token & 7)) seen.add(chain.hash());
    expect(seen.size).toBe(100_000);
    expect([...seen].every((hash) => Number.isSafeInteger(hash) && hash > 0)).toBe(true);
  });
});
