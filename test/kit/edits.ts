import type { HeaderEdits } from '../../src/core/hooks.ts';

/** Edits nobody looks at. */
export const NO_EDITS: HeaderEdits = { set() {}, remove() {} };
