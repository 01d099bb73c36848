import { HuffmanPipeEditor } from './huffman.ts';

const PIPE = 0x7c;
const PLUS = 0x2b;

/** Index of `:authority` in HPACK's static table (RFC 7541, appendix A). */
const AUTHORITY_INDEX = 1;
const AUTHORITY_NAME = Buffer.from(':authority', 'latin1');
/** The same name Huffman-coded; the code has one spelling per string. */
const AUTHORITY_NAME_HUFFMAN = Buffer.from('b83b5339ec327d7f', 'hex');

/** Longer than anything http2 accepts as an index, a length or a table size. */
const INTEGER_MAX_SHIFT = 28;

/** What the next byte of a header block is. */
type State = 'field' | 'index' | 'name-index' | 'size-update' | 'name-length' | 'name' | 'value-length' | 'value';

/**
 * Follows the header fields of one HPACK block (RFC 7541, section 6) and turns `|` into `+` in the value of
 * `:authority`, where it stands. The lengths stay the same, and an entry that the sender puts in its table is put in
 * the reader's table edited, so later references to it need no edit and no table is kept here.
 */
export class HeaderBlockEditor {
  private state: State = 'field';
  private integer = 0;
  /** Of the integer's next byte; -1 at its first byte, which holds a prefix. */
  private shift = 0;
  /** Bytes of the current name or value that have not come. */
  private left = 0;
  private huffman = false;
  /** The name so far is that of `:authority`. */
  private authority = false;
  private readonly string = new HuffmanPipeEditor();

  /** Starts a block. */
  start(): void {
    this.state = 'field';
  }

  /** Whether a block may end here. */
  get atFieldBoundary(): boolean {
    return this.state === 'field';
  }

  /** See `HuffmanPipeEditor.undecidedAt`. */
  get undecidedAt(): number {
    return this.state === 'value' && this.authority && this.huffman ? this.string.undecidedAt : -1;
  }

  /** See `HuffmanPipeEditor.rebase`. */
  rebase(offset: number): void {
    this.string.rebase(offset);
  }

  /**
   * Takes the block's bytes from `from` up to `to`. Returns how many `|` were edited, or -1 for bytes that are no
   * header block (the reader behind will refuse them).
   */
  take(bytes: Buffer, from: number, to: number): number {
    let edits = 0;
    let at = from;
    while (at < to) {
      if (this.state === 'name' || this.state === 'value') {
        const end = Math.min(to, at + this.left);
        if (this.state === 'name') this.compareName(bytes, at, end);
        else if (this.authority) edits += this.editValue(bytes, at, end);
        this.left -= end - at;
        at = end;
        if (this.left === 0) this.endOfString();
      } else if (!this.takeByte(bytes[at++])) return -1;
    }
    return edits;
  }

  private takeByte(byte: number): boolean {
    switch (this.state) {
      case 'field':
        return this.startField(byte);
      case 'name-length':
      case 'value-length':
        if (this.shift < 0) {
          this.huffman = byte >= 0x80;
          return this.startInteger(this.state, byte, 0x7f);
        }
        return this.continueInteger(byte);
      default:
        return this.continueInteger(byte);
    }
  }

  /** RFC 7541, section 6: the leading bits tell the kind of field. */
  private startField(byte: number): boolean {
    this.authority = false;
    if (byte >= 0x80) return this.startInteger('index', byte, 0x7f);
    if (byte >= 0x40) return this.startInteger('name-index', byte, 0x3f);
    if (byte >= 0x20) return this.startInteger('size-update', byte, 0x1f);
    return this.startInteger('name-index', byte, 0x0f);
  }

  /** RFC 7541, section 5.1: all ones in the prefix mean that more bytes follow, 7 bits each, lowest first. */
  private startInteger(state: State, byte: number, prefix: number): boolean {
    this.state = state;
    this.integer = byte & prefix;
    this.shift = 0;
    return this.integer === prefix || this.endOfInteger();
  }

  private continueInteger(byte: number): boolean {
    if (this.shift > INTEGER_MAX_SHIFT) return false;
    this.integer += (byte & 0x7f) * 2 ** this.shift;
    this.shift += 7;
    return byte >= 0x80 || this.endOfInteger();
  }

  private endOfInteger(): boolean {
    switch (this.state) {
      case 'index':
        this.state = 'field';
        return this.integer > 0;
      case 'size-update':
        this.state = 'field';
        return true;
      case 'name-index':
        this.authority = this.integer === AUTHORITY_INDEX;
        this.expectLength(this.integer === 0 ? 'name-length' : 'value-length');
        return true;
      default:
        this.startString();
        return true;
    }
  }

  private expectLength(state: 'name-length' | 'value-length'): void {
    this.state = state;
    this.shift = -1;
  }

  private startString(): void {
    this.left = this.integer;
    if (this.state === 'name-length') {
      this.state = 'name';
      this.authority = this.left === this.spelling().length;
    } else {
      this.state = 'value';
      this.string.start();
    }
    if (this.left === 0) this.endOfString();
  }

  private endOfString(): void {
    if (this.state === 'name') this.expectLength('value-length');
    else this.state = 'field';
  }

  private spelling(): Buffer {
    return this.huffman ? AUTHORITY_NAME_HUFFMAN : AUTHORITY_NAME;
  }

  private compareName(bytes: Buffer, from: number, to: number): void {
    if (!this.authority) return;
    const spelling = this.spelling();
    const done = spelling.length - this.left;
    this.authority = bytes.compare(spelling, done, done + to - from, from, to) === 0;
  }

  private editValue(bytes: Buffer, from: number, to: number): number {
    let edits = 0;
    for (let at = from; at < to; at++) {
      if (this.huffman) edits += this.string.take(bytes, at);
      else if (bytes[at] === PIPE) {
        bytes[at] = PLUS;
        edits++;
      }
    }
    return edits;
  }
}
