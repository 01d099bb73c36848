/**
 * How many symbols of the HPACK Huffman code (RFC 7541, appendix B) have a code of that many bits; the index is the
 * length. The code is canonical, so these counts alone tell where each symbol ends. 257 symbols, EOS included.
 */
const SYMBOLS_BY_LENGTH = [
  0, 0, 0, 0, 0, 10, 26, 32, 6, 0, 5, 3, 2, 6, 2, 3, 0, 0, 0, 3, 8, 13, 26, 29, 12, 4, 15, 19, 29, 0, 4,
];

/**
 * One past the last code of each length: bits of exactly that length below it are a whole symbol. The code is
 * complete, so 30 bits always are one and the walk cannot run on.
 */
const CODES_END = codesEnd();

function codesEnd(): Uint32Array {
  const ends = new Uint32Array(SYMBOLS_BY_LENGTH.length);
  let next = 0;
  for (const [length, count] of SYMBOLS_BY_LENGTH.entries()) {
    next = next * 2 + count;
    ends[length] = next;
  }
  return ends;
}

/** `|` is 11111111 100 and `+` is 11111111 011: they differ in the last three bits, and in nothing else. */
const PIPE_BITS = 11;
const PIPE_CODE = 0x7fc;
const DIFFERING_BITS = 0b111;

/**
 * Walks one Huffman-coded string byte by byte and turns the code of `|` into the code of `+` where it stands.
 * Keeps no decoded text: only the bits of the symbol that is not finished yet.
 */
export class HuffmanPipeEditor {
  private bits = 0;
  private code = 0;
  /** Where the string's byte before the next one lies, in the buffer of the next call; -1 before the first. */
  private before = -1;

  /** Starts a new string. */
  start(): void {
    this.bits = 0;
    this.code = 0;
    this.before = -1;
  }

  /** Takes the byte at `at`, edits it or the one before it, and returns how many `|` ended in it. */
  take(bytes: Buffer, at: number): number {
    const byte = bytes[at];
    let found = 0;
    for (let bit = 7; bit >= 0; bit--) {
      this.code = this.code * 2 + ((byte >> bit) & 1);
      this.bits++;
      if (this.code < CODES_END[this.bits]) {
        if (this.bits === PIPE_BITS && this.code === PIPE_CODE) {
          this.edit(bytes, at, bit);
          found++;
        }
        this.bits = 0;
        this.code = 0;
      }
    }
    this.before = at;
    return found;
  }

  /**
   * Where the byte lies that the next byte may still have to change: the symbol so far is `|` up to the differing bits,
   * some of which are in that byte. -1 when everything taken is final.
   */
  get undecidedAt(): number {
    const undecided =
      (this.bits === 9 && this.code === PIPE_CODE >> 2) || (this.bits === 10 && this.code === PIPE_CODE >> 1);
    return undecided ? this.before : -1;
  }

  /** The bytes moved: what was at `offset` of the last buffer is at the start of the next one. */
  rebase(offset: number): void {
    this.before -= offset;
  }

  private edit(bytes: Buffer, at: number, lastBit: number): void {
    const flip = DIFFERING_BITS << lastBit;
    bytes[at] ^= flip & 0xff;
    if (flip > 0xff) bytes[this.before] ^= flip >> 8;
  }
}
