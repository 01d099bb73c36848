import { describe, expect, it } from 'vitest';
import { HuffmanPipeEditor } from './huffman.ts';

function edit(hex: string): { bytes: string; found: number } {
  const editor = new HuffmanPipeEditor();
  editor.start();
  const bytes = Buffer.from(hex, 'hex');
  let found = 0;
  for (let at = 0; at < bytes.length; at++) found += editor.take(bytes, at);
  return { bytes: bytes.toString('hex'), found };
}

describe('HuffmanPipeEditor', () => {
  it('turns the code of | into the code of +', () => {
    // 11111111 100, five bits of padding -> 11111111 011, padding.
    expect(edit('ff9f')).toEqual({ bytes: 'ff7f', found: 1 });
  });

  it('finds it at every bit of a byte, also where the differing bits are in two bytes', () => {
    for (let before = 0; before < 8; before++) {
      // `0` has five bits (00000), so 0 to 7 of them put the symbol at every offset.
      const bits = (code: string): string => {
        const text = '00000'.repeat(before) + code;
        return text.padEnd(Math.ceil(text.length / 8) * 8, '1');
      };
      const hex = (text: string): string =>
        Buffer.from(text.match(/.{8}/g)!.map((byte) => Number.parseInt(byte, 2))).toString('hex');
      expect(edit(hex(bits('11111111100')))).toEqual({ bytes: hex(bits('11111111011')), found: 1 });
    }
  });

  it('leaves the neighbours of the code alone', () => {
    // + and ' (11 bits), # and > (12 bits), $ (13 bits), padded with ones.
    for (const hex of ['ff7f', 'ff5f', 'ffaf', 'ffbf', 'ffcf']) expect(edit(hex)).toEqual({ bytes: hex, found: 0 });
  });

  it('does not mistake bits across two symbols', () => {
    // `?` is 1111111100, then `0` is 00000: 11111111 0000 0000 has no |.
    expect(edit('ff001f').found).toBe(0);
  });

  it('says which byte is undecided, and only while it is', () => {
    const editor = new HuffmanPipeEditor();
    editor.start();
    // `0` moves the code by five bits: three ones are in the first byte, all differing bits in the second.
    expect([editor.take(Buffer.from([0x07]), 0), editor.undecidedAt]).toEqual([0, -1]);
    // `0` six times moves it by 30 bits: the first two bits end a byte, eight follow, the last one opens the next.
    editor.start();
    const bytes = Buffer.from([0x00, 0x00, 0x00, 0x03, 0xfe, 0x7f]);
    for (let at = 0; at < 4; at++) editor.take(bytes, at);
    expect(editor.undecidedAt).toBe(-1);
    editor.take(bytes, 4);
    expect(editor.undecidedAt).toBe(4);
    expect(editor.take(bytes, 5)).toBe(1);
    expect(editor.undecidedAt).toBe(-1);
    expect(bytes.toString('hex')).toBe('00000003fdff');
  });
});
