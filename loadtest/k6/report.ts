import { boundOf, inForce, type Limit } from './limits.ts';

/** k6's metrics by name, as `handleSummary` is given them. Absent: nothing was ever added. */
export type Measured = Readonly<Record<string, { readonly values: Readonly<Record<string, number>> } | undefined>>;

export type Unit = Limit['unit'];

/** A figure to show that no limit is on. */
export interface Figure {
  readonly title: string;
  readonly metric: string;
  /** k6's names: `med`, `p(95)`, `count`, `rate`, `value`. */
  readonly stats: readonly string[];
  readonly unit: Unit;
}

/** A table of a script's own, cells as they are to be printed. */
export interface Table {
  readonly title: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface LimitResult {
  readonly title: string;
  readonly metric: string;
  /** Null when nothing was measured. */
  readonly measured: number | null;
  readonly limit: string;
  readonly shown: string;
  /** `info`: measured and shown, not in force in this run; `why` says why not. */
  readonly state: 'ok' | 'FAILED' | 'info';
  readonly why: string;
}

/** What a run came to. */
export interface Report {
  readonly script: string;
  readonly settings: Readonly<Record<string, string | number>>;
  readonly passed: boolean;
  readonly limits: readonly LimitResult[];
  readonly figures: readonly { readonly title: string; readonly shown: string }[];
  readonly tables: readonly Table[];
}

export interface ReportParts {
  readonly script: string;
  readonly settings: Readonly<Record<string, string | number>>;
  readonly limits: readonly Limit[];
  readonly figures: readonly Figure[];
  readonly tables: readonly Table[];
  readonly short: boolean;
}

export function buildReport(parts: ReportParts, measured: Measured): Report {
  const limits = parts.limits.map((limit) => judge(limit, measured, parts.short));
  return {
    script: parts.script,
    settings: parts.settings,
    passed: limits.every(({ state }) => state !== 'FAILED'),
    limits,
    figures: parts.figures.map((figure) => ({ title: figure.title, shown: showFigure(figure, measured) })),
    tables: parts.tables,
  };
}

function judge(limit: Limit, measured: Measured, short: boolean): LimitResult {
  const value = statOf(measured, limit.metric, limit.stat);
  const forced = inForce(limit, short);
  const bound = boundOf(limit, short);
  // Nothing counted is 0; a time or a share that nobody took is not good, it is missing, though k6 lets it pass.
  const missing = value === undefined && limit.stat !== 'count' && limit.stat !== 'rate';
  const holds = !missing && CONDITIONS[limit.condition](value ?? 0, bound);
  const state = forced ? (holds ? 'ok' : 'FAILED') : 'info';
  const why = limit.longOnly === true && short ? 'long form only' : `needs ${limit.needs ?? ''}`;
  return {
    title: limit.title,
    metric: limit.metric,
    measured: value ?? null,
    limit: `${limit.condition} ${show(bound, limit.unit)}`,
    shown: value === undefined ? '-' : show(value, limit.unit),
    state,
    why: forced ? '' : why,
  };
}

const CONDITIONS: Readonly<Record<Limit['condition'], (value: number, bound: number) => boolean>> = {
  '==': (value, bound) => value === bound,
  '<': (value, bound) => value < bound,
  '<=': (value, bound) => value <= bound,
  '>=': (value, bound) => value >= bound,
};

/** A statistic of a metric; undefined when it was never fed. k6 shows times that nobody took as 0. */
export function statOf(measured: Measured, metric: string, stat: string): number | undefined {
  const value = measured[metric]?.values[stat];
  return value === 0 && metric.endsWith('_ms') ? undefined : value;
}

function showFigure({ metric, stats, unit }: Figure, measured: Measured): string {
  const parts = stats.map((stat) => {
    const value = statOf(measured, metric, stat);
    const shown = value === undefined ? '-' : show(value, stat === 'rate' && unit === '' ? '/s' : unit);
    return stats.length === 1 ? shown : `${STAT_NAMES[stat] ?? stat} ${shown}`;
  });
  return parts.join('  ');
}

const STAT_NAMES: Readonly<Record<string, string>> = {
  med: 'p50',
  avg: 'mean',
  'p(90)': 'p90',
  'p(95)': 'p95',
  'p(99)': 'p99',
};

/** A value with its unit, as precise as it is interesting. */
export function show(value: number, unit: Unit): string {
  if (unit === 'share') return `${trim(value * 100, 2)} %`;
  if (unit === 'ms') return `${trim(value, value < 10 ? 1 : 0)} ms`;
  if (unit === '') return trim(value, 3);
  return unit === '/s' ? `${trim(value, 1)}/s` : `${trim(value, 1)} ${unit}`;
}

function trim(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}

/** The report as lines for a terminal. */
export function renderText(report: Report): string {
  const limits: Table = {
    title: 'limits',
    head: ['', 'measured', 'limit', ''],
    rows: report.limits.map(({ title, shown, limit, state, why }) => [
      title,
      shown,
      limit,
      state === 'info' ? `not in force: ${why}` : state,
    ]),
  };
  const figures: Table = {
    title: 'figures',
    head: [],
    rows: report.figures.map(({ title, shown }) => [title, shown]),
  };
  const settings = Object.entries(report.settings).map(([name, value]) => `${name} ${value}`);
  return [
    '',
    `${report.script}: ${report.passed ? 'passed' : 'FAILED'}   (${settings.join(', ')})`,
    ...[limits, figures, ...report.tables].flatMap((table) => ['', ...textTable(table)]),
    '',
    '',
  ].join('\n');
}

function textTable({ title, head, rows }: Table): string[] {
  const named = head.length === 0 ? rows : [[head[0] === '' ? title : head[0], ...head.slice(1)], ...rows];
  const widths = named.reduce<number[]>(
    (most, row) => row.map((cell, column) => Math.max(most[column] ?? 0, cell.length)),
    [],
  );
  return named.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column])).join('  ')}`.trimEnd());
}
