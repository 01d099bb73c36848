import { describe, expect, it } from 'vitest';
import { pythonJson } from './python-json.ts';

// Each text is what `json.dumps` of CPython 3 gives for the same value.
describe('JSON as Python writes it', () => {
  it.each<[unknown, string]>([
    [{}, '{}'],
    [[], '[]'],
    [null, 'null'],
    [
      { city: 'Paris', days: [1, 2.5, true, null], more: { a: '' } },
      '{"city": "Paris", "days": [1, 2.5, true, null], "more": {"a": ""}}',
    ],
    ['é €\u{1F600}', String.raw`"\u00e9 \u20ac\ud83d\ude00"`],
    ['"\\/\b\f\n\r\t\u0001\u007f', String.raw`"\"\\/\b\f\n\r\t\u0001\u007f"`],
    [{ ü: 1 }, String.raw`{"\u00fc": 1}`],
    [undefined, 'null'],
  ])('of %j', (value, text) => {
    expect(pythonJson(value)).toBe(text);
  });
});
