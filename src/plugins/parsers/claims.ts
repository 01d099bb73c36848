/** The longest of `claims` that ends `path` on a segment boundary; undefined when none does. */
export function claimOf<C extends string>(claims: readonly C[], path: string): C | undefined {
  let found: C | undefined;
  for (const claim of claims) {
    const before = path.length - claim.length;
    const ends = path.endsWith(claim) && (before === 0 || path[before - 1] === '/');
    if (ends && claim.length > (found?.length ?? 0)) found = claim;
  }
  return found;
}
