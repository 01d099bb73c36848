import { SHORT, text } from './env.ts';
import type { Limit } from './limits.ts';
import { buildReport, type Figure, type Measured, renderText, type Table } from './report.ts';
import { renderPage } from './report-page.ts';

/** The statistics every trend is summarised by. */
export const TREND_STATS = ['avg', 'min', 'med', 'p(90)', 'p(95)', 'p(99)', 'max'];

export interface SummaryParts {
  /** Of the script, with its variant: `gateway ramp`. */
  readonly script: string;
  /** What the run was asked to do. */
  readonly settings: Readonly<Record<string, string | number>>;
  readonly limits: readonly Limit[];
  readonly figures: readonly Figure[];
  readonly tables?: (measured: Measured) => readonly Table[];
}

/**
 * A script's `handleSummary`: one table on standard output and, when `RESULTS_DIR` names a folder, the same with every
 * metric of k6 as `summary.json` and as a page `report.html` there.
 */
export function summaryOf(parts: SummaryParts): (data: { metrics: Measured }) => Record<string, string> {
  return ({ metrics }) => {
    const report = buildReport({ ...parts, tables: parts.tables?.(metrics) ?? [], short: SHORT }, metrics);
    const folder = text('RESULTS_DIR', '');
    const files = {
      [`${folder}/summary.json`]: `${JSON.stringify({ ...report, metrics }, undefined, 2)}\n`,
      [`${folder}/report.html`]: renderPage(report),
    };
    return { stdout: renderText(report), ...(folder === '' ? {} : files) };
  };
}
