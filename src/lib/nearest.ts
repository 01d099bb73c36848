/** Longer names are never typed by hand, and the distance costs the product of both lengths. */
const MAX_LENGTH = 64;

/**
 * The candidate that `name` most likely means, for "did you mean": fewest edits (insert, delete, replace, swap of
 * neighbours; case does not count), at most a third of the name's length and at least two allowed. Of equals the
 * first. Undefined when nothing is close.
 */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  if (name === '' || name.length > MAX_LENGTH) return undefined;
  const wanted = name.toLowerCase();
  let best: string | undefined;
  let bestEdits = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    if (candidate.length > MAX_LENGTH) continue;
    const edits = distance(wanted, candidate.toLowerCase());
    if (edits < bestEdits && edits < candidate.length) {
      best = candidate;
      bestEdits = edits;
    }
  }
  return best;
}

/** ` (did you mean "x"?)` or nothing, to put behind a complaint about `name`. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const close = nearest(name, candidates);
  return close === undefined ? '' : ` (did you mean "${close}"?)`;
}

/** Optimal string alignment distance, three rows at a time. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = last[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(replace, last[j] + 1, row[j - 1] + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j], before[j - 2] + 1);
    }
    before = last;
    last = row;
  }
  return last[b.length];
}
