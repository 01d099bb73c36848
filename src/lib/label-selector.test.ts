import { describe, expect, it } from 'vitest';
import { whyNotSelector } from './label-selector.ts';

describe('whyNotSelector', () => {
  it.each([
    'a=b',
    'a==b',
    'a = b , c != d',
    'a!=b',
    'a=',
    'a',
    '!a',
    '! a',
    'app.kubernetes.io/name=vllm,llm-d.ai/role in (decode, both)',
    'tier notin (a,b),x',
    'a in (b)',
    'a in (b,)',
    'gpus > 1, gpus < 9',
    `a=${'b'.repeat(63)}`,
  ])('takes %s', (text) => {
    expect(whyNotSelector(text)).toBeUndefined();
  });

  it.each([
    ['a=b,', '""'],
    ['', '""'],
    ['=b', '"=b"'],
    ['a b', '"a b"'],
    ['a in b', '"a in b"'],
    ['a in (b', '"a in (b"'],
    ['a=b;c=d', '"a=b;c=d"'],
    ['a=-b', '"a=-b"'],
    ['a > b', '"a > b"'],
    [`a=${'b'.repeat(64)}`, `"a=${'b'.repeat(64)}"`],
  ])('refuses %s', (text, shown) => {
    expect(whyNotSelector(text)).toMatch(`${shown} is no requirement; write a=b`);
  });
});
