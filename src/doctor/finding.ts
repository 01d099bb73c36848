/** How bad a finding is; `skipped` is a check that could not be made. */
export type Severity = 'ok' | 'warning' | 'error' | 'skipped';

/** One line of the report. */
export interface Finding {
  /** What was looked at: one word or a few, lower case. */
  readonly check: string;
  readonly severity: Severity;
  readonly message: string;
  /** What to do about it; may have several lines, as YAML has. */
  readonly fix?: string;
}

/** Writes findings of one check. */
export interface Notes {
  readonly ok: (message: string) => Finding;
  readonly warning: (message: string, fix: string) => Finding;
  readonly error: (message: string, fix: string) => Finding;
  readonly skipped: (why: string) => Finding;
}

export function notesOf(check: string): Notes {
  return {
    ok: (message) => ({ check, severity: 'ok', message }),
    warning: (message, fix) => ({ check, severity: 'warning', message, fix }),
    error: (message, fix) => ({ check, severity: 'error', message, fix }),
    skipped: (message) => ({ check, severity: 'skipped', message }),
  };
}
