import type { EndpointSignals } from '../core/endpoint.ts';

/** Slots of the endpoint table. The columns of all slots take about 1 MB, whatever the pool's size. */
export const MAX_ENDPOINTS = 16_384;

/** The signals plus what keeps a late scrape from writing into the next tenant's slot. */
export interface Columns extends EndpointSignals {
  /** Generation of the slot's tenant; 0 when the slot is empty. A scraper writes only where it still matches. */
  readonly generation: Uint32Array;
}

const FLOAT_COLUMNS = 8;
const BYTES = MAX_ENDPOINTS * (FLOAT_COLUMNS * Float64Array.BYTES_PER_ELEMENT + 2 * Uint32Array.BYTES_PER_ELEMENT);

/** Memory for the columns of one pool, shared by the picking thread and the scrape worker. */
export function allocateColumns(): SharedArrayBuffer {
  return new SharedArrayBuffer(BYTES);
}

/** The columns in `memory`; every thread that opens the same memory sees the same values. */
export function openColumns(memory: SharedArrayBuffer): Columns {
  let offset = 0;
  const float = (): Float64Array => {
    const column = new Float64Array(memory, offset, MAX_ENDPOINTS);
    offset += column.byteLength;
    return column;
  };
  const uint = (): Uint32Array => {
    const column = new Uint32Array(memory, offset, MAX_ENDPOINTS);
    offset += column.byteLength;
    return column;
  };
  return {
    waiting: float(),
    running: float(),
    kvUsage: float(),
    blockTokens: float(),
    blockCount: float(),
    scrapedAtMs: float(),
    refusedSinceMs: float(),
    hungSinceMs: float(),
    scrapes: uint(),
    generation: uint(),
  };
}
