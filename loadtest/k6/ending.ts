/** How a request ended. `cut off`: the server had begun to answer, which no gateway can undo. `failed`: no answer. */
export type Ending = 'answered' | 'cut off' | 'failed';

/** What k6 shows of an answer, as far as it is looked at here. */
export interface Seen {
  /** 0 when there was no whole answer. */
  readonly status: number;
  readonly body: string | null;
  readonly timings: { readonly receiving: number };
}

/**
 * What Envoy answers when a server goes away that had sent its headers, in the moment before the picker let them pass:
 * a message that has begun and breaks off is a protocol error to it, one that has not is not, and is sent elsewhere.
 */
const BROKE_OFF_IN_GATEWAY = 'reset reason: protocol error';

/** Of an answer that was checked; `fine` says whether it was whole. k6 shows no status when a body breaks off. */
export function endingOf({ status, body, timings }: Seen, fine: boolean): Ending {
  if (fine) return 'answered';
  const begun = status === 200 || (status === 0 && timings.receiving > 0);
  return begun || (status === 502 && (body ?? '').includes(BROKE_OFF_IN_GATEWAY)) ? 'cut off' : 'failed';
}
