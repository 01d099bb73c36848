import type { Finding, Severity } from './finding.ts';

const WIDTH = 'warning'.length;

/** The report for people: a line a finding, its fix indented below. */
export function textReport(findings: readonly Finding[]): string[] {
  const lines = findings.flatMap(({ check, severity, message, fix }) => [
    `${severity.padEnd(WIDTH)}  ${check}: ${message}`,
    ...(fix?.split('\n') ?? []).map((line, at) => `${' '.repeat(WIDTH)}  ${at === 0 ? 'fix: ' : '     '}${line}`),
  ]);
  const { ok, warning, error, skipped } = count(findings);
  return [...lines, `${ok} ok, ${warning} warnings, ${error} errors, ${skipped} skipped`];
}

/** The report for programs. */
export function jsonReport(findings: readonly Finding[]): string {
  return JSON.stringify({ ...count(findings), findings }, undefined, 2);
}

function count(findings: readonly Finding[]): Record<Severity, number> {
  const counts = { ok: 0, warning: 0, error: 0, skipped: 0 };
  for (const { severity } of findings) counts[severity]++;
  return counts;
}
