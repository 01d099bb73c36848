/** Small pieces are merged this many at a time, so that a body dripped in byte by byte stays near its own size. */
const MERGE_PIECES = 1024;
/** Pieces of this average size cost little more than their bytes and are left alone. */
const MERGE_BELOW_BYTES = 1024;

const EMPTY: Uint8Array = Buffer.alloc(0);

/** A request body being collected: its pieces as they came, without the empty ones. */
export class HeldBody {
  readonly #maxBytes: number;
  readonly #pieces: Uint8Array[] = [];
  #bytes = 0;
  /** Index of the first piece that was not looked at for merging. */
  #unmerged = 0;
  #unmergedBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether the body stays within its bound with one piece more. */
  fits(piece: Uint8Array): boolean {
    return this.#bytes + piece.length <= this.#maxBytes;
  }

  /** Adds a piece by reference. */
  add(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#bytes += piece.length;
    this.#unmergedBytes += piece.length;
    this.#pieces.push(piece);
    if (this.#pieces.length - this.#unmerged === MERGE_PIECES) this.#merge();
  }

  /** The body as pieces; one empty piece for an empty body. */
  pieces(): readonly Uint8Array[] {
    return this.#bytes === 0 ? [EMPTY] : this.#pieces;
  }

  #merge(): void {
    if (this.#unmergedBytes < MERGE_PIECES * MERGE_BELOW_BYTES) {
      this.#pieces.push(Buffer.concat(this.#pieces.splice(this.#unmerged)));
    }
    this.#unmerged = this.#pieces.length;
    this.#unmergedBytes = 0;
  }
}
