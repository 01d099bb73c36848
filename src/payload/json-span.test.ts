import { describe, expect, it } from 'vitest';
import { modelSpan } from './json-span.ts';

const at = (text: string): string | undefined => {
  const bytes = Buffer.from(text);
  const span = modelSpan(bytes);
  return span === undefined ? undefined : bytes.subarray(span.start, span.end).toString();
};

describe('model span', () => {
  it.each([
    ['plain', '{"model":"m"}', '"m"'],
    ['spaced', ' \r\n{\t"model" \n:  "m" \t, "a" : 1 } ', '"m"'],
    ['last of all', '{"a":{"b":[1,"}"]},"model":"m"}', '"m"'],
    ['escaped key', String.raw`{"mo\u0064el":"m"}`, '"m"'],
    ['key of escapes only', String.raw`{"\u006d\u006f\u0064\u0065\u006C":"m"}`, '"m"'],
    ['escaped value', String.raw`{"model":"a\"\\","x":1}`, String.raw`"a\"\\"`],
    ['the last of two', '{"model":"first","model":"second"}', '"second"'],
    ['the last of two, spelled differently', String.raw`{"model":"first","\u006dodel":"second","n":2}`, '"second"'],
    ['a number', '{"model":12 }', '12'],
    ['null', '{"model":null,"a":1}', 'null'],
    ['an object', '{"model":{"model":"no"} ,"a":1}', '{"model":"no"}'],
    ['an array', '{"model":["]",[]],"a":1}', '["]",[]]'],
    ['after nested ones', '{"a":{"model":"no"},"b":[{"model":"no"}],"model":"yes"}', '"yes"'],
    ['after its name as a value', '{"a":"model","b":"\\"model\\":","model":"yes"}', '"yes"'],
    ['after a key that ends in a backslash', String.raw`{"a\\":"\\","model":"yes"}`, '"yes"'],
    ['after bytes beyond ASCII', '{"ключ":"значение 🙂","model":"м🙂"}', '"м🙂"'],
  ])('finds it %s', (_what, text, value) => {
    expect(at(text)).toBe(value);
  });

  it.each(['{"a":1}', '{"Model":"m"}', '{"models":"m"}', '{"a":{"model":"m"}}', '{"a":["model","m"]}'])(
    'finds the place for one in %s',
    (text) => {
      expect(modelSpan(Buffer.from(text))).toEqual({ start: 1, end: 1 });
    },
  );

  it('finds nothing in an empty object', () => {
    expect(modelSpan(Buffer.from(' { } '))).toBeUndefined();
  });

  it('counts from the start of a view, not of its buffer', () => {
    const bytes = Buffer.from('xxx{"model":"m"}').subarray(3);
    expect(modelSpan(bytes)).toEqual({ start: 9, end: 12 });
  });
});
