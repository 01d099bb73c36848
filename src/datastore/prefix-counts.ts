const INITIAL_SLOTS = 64;

/** A number per slot, 0 unless counted, that is cleared at the cost of the slots it touched and not of all. */
export class SlotCounts {
  bySlot = new Uint32Array(INITIAL_SLOTS);
  /** Slots that are not 0; only the first `touchedCount` elements mean anything. */
  touched = new Uint32Array(INITIAL_SLOTS);
  touchedCount = 0;

  add(slot: number, count: number): void {
    if (this.bySlot[slot] === 0) this.touched[this.touchedCount++] = slot;
    this.bySlot[slot] += count;
  }

  clear(): void {
    for (let i = 0; i < this.touchedCount; i++) this.bySlot[this.touched[i]] = 0;
    this.touchedCount = 0;
  }

  /** Makes slots below `slots` countable, with some to spare. */
  fit(slots: number): void {
    if (slots <= this.bySlot.length) return;
    let length = this.bySlot.length;
    while (length < slots) length *= 2;
    const bySlot = new Uint32Array(length);
    const touched = new Uint32Array(length);
    bySlot.set(this.bySlot);
    touched.set(this.touched);
    this.bySlot = bySlot;
    this.touched = touched;
  }
}
