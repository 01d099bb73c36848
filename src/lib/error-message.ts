/** What something thrown says of itself, whether it is an `Error` or not. */
export function errorMessage(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
