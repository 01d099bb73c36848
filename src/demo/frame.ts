import type { ScorePart } from '../scheduling/decision.ts';

/** One server as the table shows it. Numbers the picker does not know are NaN. */
export interface ServerRow {
  readonly name: string;
  readonly up: boolean;
  /** Requests it answered, cut-off ones included. */
  readonly served: number;
  /** By the picker's own books. */
  readonly inFlight: number;
  /** As the picker last saw it. */
  readonly waiting: number;
  readonly running: number;
  /** KV-cache use, 0..1. */
  readonly kvUsage: number;
  /** Prompt tokens it had cached, 0..1. */
  readonly hitRate: number;
  /** Scores of the latest request that was sent here. */
  readonly why: readonly ScorePart[];
}

/** The demo at one moment. */
export interface Frame {
  readonly elapsedMs: number;
  readonly durationMs: number;
  readonly sent: number;
  readonly answered: number;
  readonly failed: number;
  readonly cutOff: number;
  readonly rows: readonly ServerRow[];
  /** What happened to servers, newest last. */
  readonly events: readonly string[];
  /** How many older ones are not in `events` any more. */
  readonly firstEvent: number;
}

/** Colours of a terminal; all the identity when there is none. */
export interface Paint {
  bold(text: string): string;
  good(text: string): string;
  bad(text: string): string;
  dim(text: string): string;
}

const plain = (text: string): string => text;
/** No colours. */
export const NO_PAINT: Paint = { bold: plain, good: plain, bad: plain, dim: plain };
/** ANSI colours. */
export const ANSI_PAINT: Paint = {
  bold: (text) => `\u001B[1m${text}\u001B[22m`,
  good: (text) => `\u001B[32m${text}\u001B[39m`,
  bad: (text) => `\u001B[31m${text}\u001B[39m`,
  dim: (text) => `\u001B[2m${text}\u001B[22m`,
};

const SHOWN_EVENTS = 4;
const NAME_WIDTH = 10;

/** The table, a line an entry, none wider than `columns`. */
export function renderTable(frame: Frame, columns: number, paint: Paint): string[] {
  const seconds = `${(frame.elapsedMs / 1000).toFixed(1)} s of ${(frame.durationMs / 1000).toFixed(0)} s`;
  const inFlight = frame.sent - frame.answered - frame.failed - frame.cutOff;
  const failed = `failed ${frame.failed}`;
  const counts = `sent ${frame.sent}  in flight ${inFlight}  answered ${frame.answered}  cut off ${frame.cutOff}`;
  const head = `${'server'.padEnd(NAME_WIDTH)}state  served  in flight  waiting  running   kv  cached  latest request came here because`;
  return [
    `${paint.bold(seconds)}  ${clip(counts, columns - 30)}  ${frame.failed === 0 ? failed : paint.bad(failed)}`,
    '',
    paint.dim(clip(head, columns)),
    ...frame.rows.map((row) => renderRow(row, columns, paint)),
    '',
    ...frame.events.slice(-SHOWN_EVENTS).map((event) => clip(event, columns)),
  ];
}

function renderRow(row: ServerRow, columns: number, paint: Paint): string {
  const state = row.up ? paint.good('up   ') : paint.bad('DOWN ');
  const cells = [
    String(row.served).padStart(6),
    String(row.inFlight).padStart(9),
    number(row.waiting).padStart(7),
    number(row.running).padStart(7),
    percent(row.kvUsage).padStart(3),
    percent(row.hitRate).padStart(6),
    explain(row.why),
  ].join('  ');
  const name = row.name.slice(0, NAME_WIDTH - 1).padEnd(NAME_WIDTH);
  return `${name}${state}  ${clip(cells, columns - NAME_WIDTH - 7)}`;
}

/** The same in one line, for logs. */
export function renderLine(frame: Frame): string {
  const rows = frame.rows.map((row) => {
    const load = `${row.served} served, ${row.inFlight} in flight, ${percent(row.hitRate)} cached`;
    return row.up ? `${row.name} ${load}` : `${row.name} DOWN, ${row.served} served`;
  });
  const counts = `sent ${frame.sent}, answered ${frame.answered}, failed ${frame.failed}, cut off ${frame.cutOff}`;
  return `${(frame.elapsedMs / 1000).toFixed(1).padStart(5)} s  ${counts} | ${rows.join(' | ')}`;
}

/** `prefix-cache 1.00 x 3, queue 0.98 x 2`: what weighed most comes first; zeros are left out. */
export function explain(scores: readonly ScorePart[]): string {
  return scores
    .filter(({ value, weight }) => value * weight > 0)
    .toSorted((a, b) => b.value * b.weight - a.value * a.weight)
    .map(({ scorer, value, weight }) => `${scorer.replace(/-scorer$/, '')} ${value.toFixed(2)} x ${weight}`)
    .join(', ');
}

/** Share as a whole per cent; `-` when unknown. */
export function percent(share: number): string {
  return Number.isNaN(share) ? '-' : `${Math.round(share * 100)}%`;
}

function number(value: number): string {
  return Number.isNaN(value) ? '-' : String(Math.round(value));
}

function clip(text: string, columns: number): string {
  return text.length <= columns ? text : text.slice(0, Math.max(0, columns));
}
