import type { Candidates } from '../core/endpoint.ts';

/** Takes the score of one candidate: its slot, and the weighted sum of what the scorers gave it. */
export type ScoreVisitor = (slot: number, score: number) => void;

interface ProfileScores {
  readonly slots: Candidates;
  readonly sums: Float64Array;
}

/**
 * The scores of the request scheduled last, by profile. One is made only where somebody reports them: the sums live in
 * buffers the next profile run overwrites, so keeping them means a copy a request.
 */
export class ScoreBoard {
  readonly #profiles = new Map<string, ProfileScores>();

  /** Forgets the request before. */
  clear(): void {
    this.#profiles.clear();
  }

  /** Keeps what a profile gave its candidates: `sums[i]` belongs to `candidates[i]`. Copies both. */
  write(profile: string, candidates: Candidates, sums: Float64Array): void {
    this.#profiles.set(profile, { slots: candidates.slice(), sums: sums.slice(0, candidates.length) });
  }

  /** Visits every candidate `profile` scored, in table order; nobody where it did not run or has no scorers. */
  visit(profile: string, visitor: ScoreVisitor): void {
    const scores = this.#profiles.get(profile);
    scores?.slots.forEach((slot, i) => visitor(slot, scores.sums[i]));
  }
}
