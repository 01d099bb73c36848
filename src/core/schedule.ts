import type { Candidates } from './endpoint.ts';

/** Slots picked by each profile that ran, best first, and which of them the proxy is told. */
export interface Schedule {
  readonly primary: string;
  readonly picks: ReadonlyMap<string, Candidates>;
  /** Port the proxy is told in place of each endpoint's own: a sidecar there hands the request on. */
  readonly port?: number | undefined;
  /**
   * Slots that work on the request before the primary endpoint can answer, such as a prefill server: it counts as
   * their load until the answer begins.
   */
  readonly helpers?: readonly number[] | undefined;
}
