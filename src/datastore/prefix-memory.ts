/** Words of 32 bits per page; a power of two, so that an address splits into page and offset by shifts. */
export const PAGE_WORDS = 65_536;

const PAGE_BYTES = PAGE_WORDS * Uint32Array.BYTES_PER_ELEMENT;
/** Empty pages kept for reuse, so that a load hovering around a page boundary does not allocate all the time. */
const MAX_SPARE = 16;
const NO_CELL = 0xffff_ffff;

/**
 * Memory for cells of a few fixed sizes, in pages of 256 kB. Growing adds a page and copies nothing, so no call is
 * ever slower than one page allocation; a page whose last cell is freed is given back.
 *
 *     address = page << 16 | offset        page 0 does not exist, so address 0 is free to mean "nothing"
 *
 * Every page holds cells of one kind. Free cells of a page are linked through their first word.
 */
export class PagedMemory {
  /** Words by address: `pages[address >>> 16][address & 0xffff]`. */
  readonly pages: Uint32Array[] = [new Uint32Array(0)];
  readonly #cellWords: readonly number[];
  readonly #kind: number[] = [0];
  readonly #live: number[] = [0];
  readonly #freeCell: number[] = [NO_CELL];
  /** First offset never handed out. */
  readonly #fresh: number[] = [0];
  /** Pages with room, one doubly linked list per kind; 0 ends it. */
  readonly #firstOpen: number[];
  readonly #nextOpen: number[] = [0];
  readonly #prevOpen: number[] = [0];
  readonly #freeNumbers: number[] = [];
  readonly #spare: Uint32Array[] = [];
  #pageCount = 0;

  /** `cellWords[kind]` is the size of a kind's cells, at most `PAGE_WORDS`. */
  constructor(cellWords: readonly number[]) {
    this.#cellWords = cellWords;
    this.#firstOpen = cellWords.map(() => 0);
  }

  /** Bytes taken, spare pages included. */
  get bytes(): number {
    return (this.#pageCount + this.#spare.length) * PAGE_BYTES;
  }

  /** The address of a cell whose words hold old values. */
  allocate(kind: number): number {
    const page = this.#firstOpen[kind] || this.#openPage(kind);
    const words = this.#cellWords[kind];
    let offset = this.#freeCell[page];
    if (offset === NO_CELL) {
      offset = this.#fresh[page];
      this.#fresh[page] = offset + words;
    } else {
      this.#freeCell[page] = this.pages[page][offset];
    }
    this.#live[page]++;
    if (!this.#hasRoom(page, words)) this.#unlink(page, kind);
    return page * PAGE_WORDS + offset;
  }

  free(address: number): void {
    const page = address >>> 16;
    const kind = this.#kind[page];
    const wasFull = !this.#hasRoom(page, this.#cellWords[kind]);
    const offset = address & 0xffff;
    this.pages[page][offset] = this.#freeCell[page];
    this.#freeCell[page] = offset;
    this.#live[page]--;
    if (wasFull) this.#link(page, kind);
    if (this.#live[page] === 0) this.#closePage(page, kind);
  }

  /** The kind of the cell at `address`. */
  kindAt(address: number): number {
    return this.#kind[address >>> 16];
  }

  /** A page of zeros outside the address space, never given back. */
  takeRawPage(): Uint32Array {
    this.#pageCount++;
    return this.#spare.pop()?.fill(0) ?? new Uint32Array(PAGE_WORDS);
  }

  #hasRoom(page: number, words: number): boolean {
    return this.#freeCell[page] !== NO_CELL || this.#fresh[page] + words <= PAGE_WORDS;
  }

  #openPage(kind: number): number {
    const page = this.#freeNumbers.pop() ?? this.pages.length;
    this.pages[page] = this.#spare.pop() ?? new Uint32Array(PAGE_WORDS);
    this.#pageCount++;
    this.#kind[page] = kind;
    this.#live[page] = 0;
    this.#freeCell[page] = NO_CELL;
    this.#fresh[page] = 0;
    this.#link(page, kind);
    return page;
  }

  #closePage(page: number, kind: number): void {
    this.#unlink(page, kind);
    if (this.#spare.length < MAX_SPARE) this.#spare.push(this.pages[page]);
    this.pages[page] = this.pages[0];
    this.#pageCount--;
    this.#freeNumbers.push(page);
  }

  #link(page: number, kind: number): void {
    const next = this.#firstOpen[kind];
    this.#nextOpen[page] = next;
    this.#prevOpen[page] = 0;
    this.#prevOpen[next] = page;
    this.#firstOpen[kind] = page;
  }

  #unlink(page: number, kind: number): void {
    const next = this.#nextOpen[page];
    const prev = this.#prevOpen[page];
    if (prev === 0) this.#firstOpen[kind] = next;
    else this.#nextOpen[prev] = next;
    this.#prevOpen[next] = prev;
  }
}
