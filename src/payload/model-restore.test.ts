import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ModelRestorer } from './model-restore.ts';

function restored(target: string, incoming: string, pieces: readonly Uint8Array[]): string {
  const restorer = new ModelRestorer(target, incoming);
  return Buffer.concat(pieces.map((piece, i) => restorer.push(piece, i === pieces.length - 1))).toString();
}

/** The same in one go, for names no regular expression minds. */
function inTheWhole(text: string, target: string, incoming: string): string {
  return text.replaceAll(
    new RegExp(`"model":( ?)${JSON.stringify(target)}`, 'g'),
    `"model":$1${JSON.stringify(incoming)}`,
  );
}

function cutAt(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end));
}

describe('ModelRestorer', () => {
  it.each([
    ['a JSON body', '{"id":"1","model":"base-v2","choices":[]}', '{"id":"1","model":"base","choices":[]}'],
    ['the spelling with a space', '{"model": "base-v2"}', '{"model": "base"}'],
    [
      'every event',
      'data: {"model":"base-v2"}\n\ndata: {"model": "base-v2"}\n\n',
      'data: {"model":"base"}\n\ndata: {"model": "base"}\n\n',
    ],
    ['no model', '{"id":"1"}', '{"id":"1"}'],
    ['another model', '{"model":"base-v22","a":{"model":"base-v"}}', '{"model":"base-v22","a":{"model":"base-v"}}'],
    ['the end mark', 'data: [DONE]\n\n', 'data: [DONE]\n\n'],
    ['text that quotes it', '{"content":"\\"model\\":\\"base-v2\\""}', '{"content":"\\"model\\":\\"base-v2\\""}'],
  ])('rewrites %s wherever it is cut', (_name, text, expected) => {
    const bytes = Buffer.from(text);
    for (let cut = 0; cut <= bytes.length; cut++) {
      expect(restored('base-v2', 'base', cutAt(bytes, [cut]))).toBe(expected);
    }
    expect(restored('base-v2', 'base', cutAt(bytes, bytes.keys().toArray()))).toBe(expected);
  });

  it('gives the same bytes for any cut as in the whole', () => {
    const fragments = [
      '"model"',
      ':',
      ' ',
      '"',
      'aé',
      'a',
      '"model":"aé"',
      '"model": "aé"',
      '"model":',
      '\n',
      ',',
      '"mod',
    ];
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...fragments), { maxLength: 24 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        fc.constantFrom('b', 'a', 'longer-née', 'aé"'),
        (parts, cuts, incoming) => {
          const text = parts.join('');
          expect(restored('aé', incoming, cutAt(Buffer.from(text), cuts))).toBe(inTheWhole(text, 'aé', incoming));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('writes names as JSON does', () => {
    expect(restored('a"b', 'c\\d', [Buffer.from('{"model":"a\\"b"}')])).toBe('{"model":"c\\\\d"}');
  });

  it('passes a piece through untouched where nothing changes', () => {
    const restorer = new ModelRestorer('target', 'incoming');
    for (const text of ['data: {"model":"other"}\n\n', '', 'data: {"content":"x"}']) {
      const piece = new Uint8Array(Buffer.from(text));
      expect(restorer.push(piece, false)).toBe(piece);
    }
  });

  it('holds back one byte less than the member and gives it back at the end', () => {
    const restorer = new ModelRestorer('target', 'incoming');
    const open = '"model": "target';
    expect(Buffer.from(restorer.push(Buffer.from(`x${open}`), false)).toString()).toBe('x');
    expect(restorer.push(new Uint8Array(0), false)).toHaveLength(0);
    expect(Buffer.from(restorer.flush()).toString()).toBe(open);
    expect(restorer.flush()).toHaveLength(0);
    expect(Buffer.from(restorer.push(Buffer.from(open), true)).toString()).toBe(open);
    expect(restorer.flush()).toHaveLength(0);
  });
});
