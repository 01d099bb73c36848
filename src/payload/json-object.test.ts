import { expect, it } from 'vitest';
import { readJsonObject } from './json-object.ts';

const MEBIBYTE = 1024 * 1024;

/** A body of about `bytes` bytes in pieces of `pieceBytes`. */
function body(bytes: number, pieceBytes: number): { readonly text: string; readonly pieces: Buffer[] } {
  const text = `{"prompt":"${'ä'.repeat(bytes / 2)}"}`;
  const whole = Buffer.from(text);
  const pieces: Buffer[] = [];
  for (let at = 0; at < whole.length; at += pieceBytes) pieces.push(whole.subarray(at, at + pieceBytes));
  return { text, pieces };
}

it.each([
  ['nothing but a name', 0, 3],
  ['characters cut apart', 100, 1],
  ['one longer than those before', 300_000, 65_537],
  ['one shorter than the last', 1000, 333],
  ['one longer than is put together in memory that is used again', 4 * MEBIBYTE, MEBIBYTE],
])('reads a body in pieces: %s', (_, bytes, pieceBytes) => {
  const { text, pieces } = body(bytes, pieceBytes);
  expect(readJsonObject(pieces)).toEqual(JSON.parse(text));
});

it('keeps an object apart from the bodies that come after it', () => {
  const first = readJsonObject(body(1000, 100).pieces);
  readJsonObject([Buffer.from('{"prompt":"'), Buffer.alloc(900, 'x'), Buffer.from('"}')]);
  expect(first).toEqual({ prompt: 'ä'.repeat(500) });
});

it('refuses a body of no pieces, and one cut short', () => {
  expect(readJsonObject([])).toMatchObject({ code: 'BadRequest' });
  expect(readJsonObject([Buffer.from('{"a":'), Buffer.from('1')])).toMatchObject({ code: 'BadRequest' });
});
