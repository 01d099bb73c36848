import type { Candidates } from '../../core/endpoint.ts';
import type { Random } from '../../core/random.ts';

/** `count` of the candidates in uniformly random order (the first steps of a Fisher-Yates shuffle). */
export function shuffle(candidates: Candidates, count: number, random: Random): Candidates {
  const deck = candidates.slice();
  for (let i = 0; i < count; i++) {
    const j = i + random.below(deck.length - i);
    const card = deck[i];
    deck[i] = deck[j];
    deck[j] = card;
  }
  return deck.slice(0, count);
}
