import type { HeaderEdits } from '../../src/core/hooks.ts';

/** Edits nobody looks at. */
export const NO_EDITS: HeaderEdits = { set() {}, remove() {} };

/** Edits as they stand in the end: the value set, or undefined for a header that was removed. */
export function recordedEdits(): { readonly edits: HeaderEdits; readonly headers: Record<string, string | undefined> } {
  const headers: Record<string, string | undefined> = {};
  return {
    headers,
    edits: {
      set(name, value) {
        headers[name] = value;
      },
      remove(name) {
        headers[name] = undefined;
      },
    },
  };
}
