import { describe, expect, it } from 'vitest';
import { readDocument, type SourceDocument, type SyntaxProblem } from './document.ts';

function good(text: string): SourceDocument {
  const read = readDocument(text);
  if ('problems' in read) throw new Error(read.problems.map(({ message }) => message).join('\n'));
  return read.document;
}

function bad(text: string): readonly SyntaxProblem[] {
  const read = readDocument(text);
  return 'problems' in read ? read.problems : [];
}

describe('readDocument', () => {
  it.each([
    ['a: [1, "x", true, null]', { a: [1, 'x', true, null] }],
    ['{"a":\t{"b": 1.5}}', { a: { b: 1.5 } }],
    ['---\na: 1\n', { a: 1 }],
    ['---\na: 1\n---\n', { a: 1 }],
    ['1: x', { '1': 'x' }],
    ['base: &b {x: 1}\nmore: {<<: *b, y: 2}', { base: { x: 1 }, more: { x: 1, y: 2 } }],
    ['yes: 010', { yes: 10 }],
  ])('reads %j', (text, value) => {
    expect(good(text).value).toEqual(value);
  });

  it.each(['', '\n', '# only a comment', '---\n'])('finds no content in %j', (text) => {
    expect(good(text).value).toBeUndefined();
  });

  it.each([
    [['a'], 'key', 1, 1],
    [['a'], 'value', 2, 3],
    [['a', 0, 'b'], 'value', 2, 8],
    [['a', 0, 'B'], 'key', 2, 5],
    [['a', 0, 'gone', 'deeper'], 'value', 2, 5],
    [['a', 7], 'value', 2, 3],
    [['x'], 'value', 1, 1],
    [[], 'value', 1, 1],
  ] as const)('finds the %s of %j at %d:%d', (path, part, line, column) => {
    expect(good('a:\n  - b: 1\n    c: 2\n').position(path, part)).toEqual({ line, column });
  });

  it('follows aliases to where the value is written', () => {
    expect(good('base: &b\n  x: 1\nuse: *b').position(['use', 'x'])).toEqual({ line: 2, column: 6 });
  });

  it.each([
    ['a: [1', 'Flow sequence in block collection must be sufficiently indented and end with a ]'],
    ['a: 1\na: 2', 'Map keys must be unique'],
    ['[a]: 1', 'With stringKeys, all keys must be strings'],
    ['a: !!binary aGk=', 'found a value that JSON cannot hold'],
    ['a: !mine 1', 'Unresolved tag: !mine'],
    ['a: .nan', 'found a value that JSON cannot hold'],
    ['a: *nobody', 'Unresolved alias (the anchor must be set before the alias): nobody'],
    ['\ta: 1', 'Tabs are not allowed as indentation'],
    ['a: 1\n---\nb: 2', 'found a second document, expected one'],
  ])('refuses %j', (text, message) => {
    expect(bad(text)[0]?.message).toBe(message);
  });

  it('does not unfold aliases without end', () => {
    const layers = Array.from({ length: 12 }, (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i},`.repeat(9)}]`);
    expect(bad(['l0: &l0 [x]', ...layers].join('\n'))).toHaveLength(1);
    expect(bad('a: &a [*a]')).toHaveLength(1);
  });

  it('takes a text of 1 MiB and no more', () => {
    expect(good(`#${'x'.repeat(1024 * 1024 - 1)}`).value).toBeUndefined();
    expect(bad(`#${'x'.repeat(1024 * 1024)}`)).toHaveLength(1);
  });

  it('says so when the nesting is too deep to read', () => {
    expect(bad('['.repeat(20_000)).some(({ message }) => message === 'the text is nested too deeply')).toBe(true);
  });
});
