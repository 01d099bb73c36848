import { describe, expect, it } from 'vitest';
import { HeaderBlockEditor } from './header-block.ts';

function edit(...parts: (string | number)[]): { bytes: Buffer; edits: number; complete: boolean } {
  const bytes = Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from([part]))),
  );
  const editor = new HeaderBlockEditor();
  editor.start();
  const edits = editor.take(bytes, 0, bytes.length);
  return { bytes, edits, complete: editor.atFieldBoundary };
}

describe('HeaderBlockEditor', () => {
  it.each([
    ['literal with indexing, name by index', [0x41, 3, 'a|b'], 'a+b'],
    ['literal without indexing, name by index', [0x01, 3, 'a|b'], 'a+b'],
    ['literal never indexed, name by index', [0x11, 3, 'a|b'], 'a+b'],
    ['literal with indexing, literal name', [0x40, 10, ':authority', 3, 'a|b'], 'a+b'],
    ['literal without indexing, literal name', [0x00, 10, ':authority', 3, 'a|b'], 'a+b'],
    ['literal never indexed, literal name', [0x10, 10, ':authority', 3, 'a|b'], 'a+b'],
    ['after an indexed field', [0x83, 0x86, 0x41, 3, 'a|b'], 'a+b'],
    ['after a table size update of one byte', [0x20, 0x41, 3, 'a|b'], 'a+b'],
    ['after a table size update of several bytes', [0x3f, 0xe1, 0x1f, 0x41, 3, 'a|b'], 'a+b'],
    ['after an index of several bytes', [0xff, 0x80, 0x01, 0x41, 3, 'a|b'], 'a+b'],
  ])('%s', (_name, parts, value) => {
    const { bytes, edits, complete } = edit(...parts);
    expect(bytes.subarray(-3).toString('latin1')).toBe(value);
    expect({ edits, complete }).toEqual({ edits: 1, complete: true });
  });

  it('knows the name Huffman-coded', () => {
    const name = Buffer.from('b83b5339ec327d7f', 'hex').toString('latin1');
    expect(edit(0x40, 0x88, name, 0x82, '\u00ff\u009f')).toMatchObject({ edits: 1, complete: true });
  });

  it.each([
    ['another name by index', [0x44, 3, '/|b']],
    ['another name of the same length', [0x40, 10, ':authoritx', 3, 'a|b']],
    ['the name with another length', [0x40, 11, ':authority2', 3, 'a|b']],
    ['a name index that starts like 1 but has more bytes', [0x0f, 1, 3, 'a|b']],
    ['`|` in a name', [0x40, 3, 'a|b', 1, 'x']],
    ['an empty name, an empty value', [0x40, 0, 0, 0x41, 0]],
  ])('leaves alone: %s', (_name, parts) => {
    const before = edit(...parts);
    expect(before).toMatchObject({ edits: 0, complete: true });
    expect(before.bytes.includes('+')).toBe(false);
  });

  it('reads a length of several bytes and finds the field after it', () => {
    const { bytes, edits } = edit(0x40, 1, 'x', 0x7f, 0x81, 0x01, '|'.repeat(256), 0x41, 0x7f, 0x00, '|'.repeat(127));
    expect(edits).toBe(127);
    expect(bytes.toString('latin1').match(/\+/g)).toHaveLength(127);
  });

  it('takes integers of five continuation bytes and refuses six', () => {
    expect(edit(0x3f, 0x80, 0x80, 0x80, 0x80, 0x00)).toMatchObject({ edits: 0, complete: true });
    expect(edit(0x3f, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00).edits).toBe(-1);
  });

  it('refuses index 0', () => {
    expect(edit(0x80).edits).toBe(-1);
  });

  it('tells a block that ends inside a field', () => {
    for (const parts of [[0x41], [0x41, 3], [0x41, 3, 'a|'], [0x40, 10, ':auth'], [0xff]])
      expect(edit(...parts).complete).toBe(false);
  });
});
