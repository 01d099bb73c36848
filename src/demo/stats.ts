import type { Exchanged } from './client.ts';

/** Answers one server gave. */
export interface ServerTally {
  answered: number;
  cutOff: number;
  promptTokens: number;
  cachedTokens: number;
}

/** What the whole run came to. */
export interface Summary {
  readonly requests: number;
  readonly answered: number;
  /** Lost before any answer began: the number that must be 0. */
  readonly failed: number;
  /** Cut off when a server died in the middle of its answer. */
  readonly cutOff: number;
  /** Those of them whose stream was open (status 200) but had no token yet: servers open a stream at once. */
  readonly cutOffBeforeFirstToken: number;
  /** Milliseconds to the first byte of streamed answers; NaN when there were none. */
  readonly ttftMs: { readonly p50: number; readonly p90: number; readonly p99: number };
  /** Cached share of all prompt tokens, 0..1; NaN when no server told. */
  readonly prefixHitRate: number;
  /** Requests of the busiest server over the mean of all: 1 is perfectly even. */
  readonly spread: number;
}

/** Counts what the clients saw. */
export class DemoStats {
  readonly servers = new Map<string, ServerTally>();
  readonly failures: Exchanged[] = [];
  readonly #ttftMs: number[] = [];
  #requests = 0;
  #cutOffBeforeFirstToken = 0;

  /** `names` are the servers that should serve, so that one which never does still counts in the spread. */
  constructor(names: Iterable<string>) {
    for (const name of names) this.servers.set(name, newTally());
  }

  get requests(): number {
    return this.#requests;
  }

  add(exchanged: Exchanged): void {
    this.#requests++;
    if (exchanged.ending === 'failed') {
      this.failures.push(exchanged);
      return;
    }
    if (exchanged.stream && !Number.isNaN(exchanged.firstByteMs)) this.#ttftMs.push(exchanged.firstByteMs);
    const tally = this.servers.get(exchanged.servedBy) ?? newTally();
    this.servers.set(exchanged.servedBy, tally);
    if (exchanged.ending === 'cut-off' && Number.isNaN(exchanged.firstByteMs)) this.#cutOffBeforeFirstToken++;
    tally[exchanged.ending === 'answered' ? 'answered' : 'cutOff']++;
    tally.promptTokens += exchanged.promptTokens;
    tally.cachedTokens += exchanged.cachedTokens;
  }

  summary(): Summary {
    const tallies = [...this.servers.values()];
    const total = (read: (tally: ServerTally) => number): number =>
      tallies.reduce((sum, tally) => sum + read(tally), 0);
    const perServer = tallies.map((tally) => tally.answered + tally.cutOff);
    const sorted = this.#ttftMs.toSorted((a, b) => a - b);
    return {
      requests: this.#requests,
      answered: total((tally) => tally.answered),
      failed: this.failures.length,
      cutOff: total((tally) => tally.cutOff),
      cutOffBeforeFirstToken: this.#cutOffBeforeFirstToken,
      ttftMs: { p50: percentile(sorted, 0.5), p90: percentile(sorted, 0.9), p99: percentile(sorted, 0.99) },
      prefixHitRate: total((tally) => tally.cachedTokens) / total((tally) => tally.promptTokens),
      spread: Math.max(...perServer) / (total((tally) => tally.answered + tally.cutOff) / perServer.length),
    };
  }
}

/** Cached share of the prompt tokens one server was given, 0..1; NaN when it told of none. */
export function hitRate(tally: ServerTally): number {
  return tally.cachedTokens / tally.promptTokens;
}

/** The smallest value that at least `share` of the values do not exceed (nearest rank); NaN of nothing. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

function newTally(): ServerTally {
  return { answered: 0, cutOff: 0, promptTokens: 0, cachedTokens: 0 };
}
