/** Picks so far by server. */
export type Picks = Readonly<Record<string, number>>;

/** Picks of one server, and of all, between two counts. */
export function picksOf(
  before: Picks,
  after: Picks,
  server: string,
): { readonly server: number; readonly all: number } {
  const made = (name: string): number => (after[name] ?? 0) - (before[name] ?? 0);
  return { server: made(server), all: Object.keys(after).reduce((sum, name) => sum + made(name), 0) };
}

/** A server that is given this much of an equal share counts as back: chance alone moves a window by a tenth. */
const BACK_AT = 0.8;

/** Follows the counts after a server was healed until it gets its equal share again. */
export class ReturnWatch {
  readonly #server: string;
  readonly #servers: number;
  readonly #windowSeconds: number;
  #counts: { readonly seconds: number; readonly picks: Picks }[] = [];

  /** `windowSeconds` is what the share is taken over. */
  constructor(server: string, servers: number, windowSeconds: number) {
    this.#server = server;
    this.#servers = servers;
    this.#windowSeconds = windowSeconds;
  }

  /**
   * Takes the next count. Whether the server had its share over the last window; windows begin with the first count, so
   * that what was picked before does not count.
   */
  isBack(seconds: number, picks: Picks): boolean {
    this.#counts.push({ seconds, picks });
    const old = this.#counts.findLastIndex((count) => count.seconds <= seconds - this.#windowSeconds);
    if (old < 0) return false;
    this.#counts = this.#counts.slice(old);
    const { server, all } = picksOf(this.#counts[0].picks, picks, this.#server);
    return all > 0 && server / all >= BACK_AT / this.#servers;
  }
}
