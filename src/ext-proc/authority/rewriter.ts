import { HeaderBlockEditor } from './header-block.ts';

/** What an HTTP/2 client sends first (RFC 9113, section 3.4). */
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
const FRAME_HEADER_BYTES = 9;

const HEADERS = 0x01;
const CONTINUATION = 0x09;
const END_HEADERS = 0x04;
const PADDED = 0x08;
const PRIORITY = 0x20;
const PRIORITY_BYTES = 5;

/**
 * Most that may be kept back, see `push`. A well-behaved sender needs 1 byte and, when a block is cut there, the
 * padding and the next frame's header.
 */
const HELD_MAX_BYTES = 4096;

/** What the next byte of the connection is. */
type State = 'preface' | 'frame-header' | 'pad-length' | 'priority' | 'fragment' | 'skip' | 'pass';

/**
 * Edits what a client sends on one HTTP/2 connection: `|` becomes `+` in `:authority`, nothing else changes, no length
 * changes. Bytes may come in any pieces. After anything that is not HTTP/2 the rest passes untouched: the http2
 * implementation behind is the judge of it.
 */
export class AuthorityRewriter {
  /** How many `|` were edited so far. */
  edits = 0;
  /** How many header blocks came complete. */
  headerBlocks = 0;

  private state: State = 'preface';
  /** Bytes of the preface, of a frame header cut in pieces, or of the priority fields that have come. */
  private gathered = 0;
  private readonly frameHeader = Buffer.alloc(FRAME_HEADER_BYTES);
  /** Bytes of the frame's payload that have not come, padding aside. */
  private left = 0;
  private padding = 0;
  private flags = 0;
  /** Stream whose header block is open; 0 between blocks. */
  private openStream = 0;
  private readonly block = new HeaderBlockEditor();
  private held: Buffer | undefined;

  /** True once the bytes proved not to be HTTP/2 and are no longer looked at. */
  get passive(): boolean {
    return this.state === 'pass';
  }

  /**
   * Takes the next bytes, which it edits in place, and returns those that may go on: the same buffer, unless a read
   * ended inside a symbol that may become `|`, whose first bits are kept back until the rest has come.
   */
  push(chunk: Buffer): Buffer {
    if (this.state === 'pass') return chunk;
    const held = this.held;
    if (held === undefined) return this.holdBack(chunk, 0);
    this.held = undefined;
    return this.holdBack(Buffer.concat([held, chunk]), held.length);
  }

  /** The bytes kept back, for when no more will come. */
  flush(): Buffer | undefined {
    const held = this.held;
    this.held = undefined;
    return held;
  }

  private holdBack(bytes: Buffer, from: number): Buffer {
    for (let at = from; at < bytes.length && this.state !== 'pass';) at = this.step(bytes, at);
    if (this.state === 'pass') return bytes;
    const undecidedAt = this.openStream === 0 ? -1 : this.block.undecidedAt;
    if (undecidedAt < 0) return bytes;
    if (bytes.length - undecidedAt > HELD_MAX_BYTES) {
      this.state = 'pass';
      return bytes;
    }
    this.held = Buffer.from(bytes.subarray(undecidedAt));
    this.block.rebase(undecidedAt);
    return bytes.subarray(0, undecidedAt);
  }

  /** Takes at least one byte at `at`; returns the place of the next. */
  private step(bytes: Buffer, at: number): number {
    switch (this.state) {
      case 'preface':
        return this.takePreface(bytes, at);
      case 'frame-header':
        return this.takeFrameHeader(bytes, at);
      case 'pad-length':
        return this.takePadLength(bytes, at);
      case 'priority':
        return this.takePriority(bytes, at);
      case 'fragment':
        return this.takeFragment(bytes, at);
      default:
        return this.skip(bytes, at);
    }
  }

  private takePreface(bytes: Buffer, at: number): number {
    const take = Math.min(bytes.length - at, PREFACE.length - this.gathered);
    if (bytes.compare(PREFACE, this.gathered, this.gathered + take, at, at + take) !== 0) this.state = 'pass';
    this.gathered += take;
    if (this.state === 'preface' && this.gathered === PREFACE.length) this.expectFrame();
    return at + take;
  }

  private expectFrame(): void {
    this.state = 'frame-header';
    this.gathered = 0;
  }

  private takeFrameHeader(bytes: Buffer, at: number): number {
    if (this.gathered === 0 && bytes.length - at >= FRAME_HEADER_BYTES) {
      this.startFrame(bytes, at);
      return at + FRAME_HEADER_BYTES;
    }
    const take = Math.min(bytes.length - at, FRAME_HEADER_BYTES - this.gathered);
    bytes.copy(this.frameHeader, this.gathered, at, at + take);
    this.gathered += take;
    if (this.gathered === FRAME_HEADER_BYTES) this.startFrame(this.frameHeader, 0);
    return at + take;
  }

  /** RFC 9113, section 4.1: 24 bits of length, 8 of type, 8 of flags, 31 of stream. */
  private startFrame(header: Buffer, at: number): void {
    this.left = header.readUIntBE(at, 3);
    const type = header[at + 3];
    this.flags = header[at + 4]!;
    this.padding = 0;
    this.gathered = 0;
    if (type !== HEADERS && type !== CONTINUATION) {
      // Only a CONTINUATION may follow while a block is open.
      if (this.openStream === 0) this.startSkip();
      else this.state = 'pass';
      return;
    }
    const stream = header.readUInt32BE(at + 5) & 0x7fff_ffff;
    if (stream === 0 || this.openStream !== (type === HEADERS ? 0 : stream)) {
      this.state = 'pass';
      return;
    }
    if (type === HEADERS) {
      this.openStream = stream;
      this.block.start();
      this.startHeaders();
    } else this.startFragment();
  }

  private startHeaders(): void {
    const needed = (this.flags & PADDED ? 1 : 0) + (this.flags & PRIORITY ? PRIORITY_BYTES : 0);
    if (this.left < needed) this.state = 'pass';
    else if (this.flags & PADDED) this.state = 'pad-length';
    else this.afterPadLength();
  }

  private takePadLength(bytes: Buffer, at: number): number {
    this.padding = bytes[at]!;
    this.left -= 1 + this.padding;
    if (this.left < (this.flags & PRIORITY ? PRIORITY_BYTES : 0)) this.state = 'pass';
    else this.afterPadLength();
    return at + 1;
  }

  private afterPadLength(): void {
    if (this.flags & PRIORITY) this.state = 'priority';
    else this.startFragment();
  }

  private takePriority(bytes: Buffer, at: number): number {
    const take = Math.min(bytes.length - at, PRIORITY_BYTES - this.gathered);
    this.gathered += take;
    this.left -= take;
    if (this.gathered === PRIORITY_BYTES) this.startFragment();
    return at + take;
  }

  private startFragment(): void {
    this.state = 'fragment';
    if (this.left === 0) this.endFragment();
  }

  private takeFragment(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.left);
    const edits = this.block.take(bytes, at, end);
    if (edits < 0) {
      this.state = 'pass';
      return end;
    }
    this.edits += edits;
    this.left -= end - at;
    if (this.left === 0) this.endFragment();
    return end;
  }

  private endFragment(): void {
    if (this.flags & END_HEADERS) {
      this.openStream = 0;
      if (!this.block.atFieldBoundary) {
        this.state = 'pass';
        return;
      }
      this.headerBlocks++;
    }
    this.left = this.padding;
    this.startSkip();
  }

  private startSkip(): void {
    if (this.left === 0) this.expectFrame();
    else this.state = 'skip';
  }

  private skip(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.left);
    this.left -= end - at;
    if (this.left === 0) this.expectFrame();
    return end;
  }
}
