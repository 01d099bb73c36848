/** Pieces kept for the next page, and the largest kept: a few pages come in at once, and a huge one is rare. */
const MAX_FREE = 16;
const MAX_KEPT_BYTES = 1024 * 1024;
const FIRST_BYTES = 64 * 1024;

/** Memory that pages come into, lent from the first byte of one until it was read: a few pieces serve all servers. */
export class PageMemory {
  readonly #free: Buffer[] = [];

  /** Room for `bytes` bytes at least; what `full` holds stands at its beginning, and `full` must not be used again. */
  grow(full: Buffer, bytes: number): Buffer {
    const spare = full.length === 0 ? this.#free.pop() : undefined;
    if (spare !== undefined && spare.length >= bytes) return spare;
    const room = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, bytes, 2 * full.length));
    full.copy(room);
    return room;
  }

  /** Takes back what was lent; whoever had it must not use it again. */
  giveBack(room: Buffer): void {
    if (room.length > 0 && room.length <= MAX_KEPT_BYTES && this.#free.length < MAX_FREE) this.#free.push(room);
  }
}
