/**
 * Every threshold of every script, in one table. A limit that needs a part of the picker that is not there yet is
 * measured and shown, but not in force; put the part to `true` and it is.
 */
export const THERE: Readonly<Record<Part, boolean>> = {
  /** Passive health: failing endpoints are ejected and probed until they are well. */
  'passive health': true,
};

export type Part = 'passive health';

/** One threshold. */
export interface Limit {
  /** What it says, for tables. */
  readonly title: string;
  /** Name of the k6 metric, and which of its statistics. */
  readonly metric: string;
  readonly stat: 'rate' | 'count' | 'value' | 'avg' | 'med' | 'p(95)' | 'p(99)' | 'max';
  readonly condition: '==' | '<' | '<=' | '>=';
  readonly bound: number;
  /** `share` is 0..1 and shown as per cent. */
  readonly unit: 'share' | 'ms' | 's' | '/s' | 'MiB/min' | '';
  /** The bound of the short form, which must hold on a machine that has more to do. */
  readonly shortBound?: number;
  /** The part of the picker it needs. */
  readonly needs?: Part;
  /** Cannot be measured in seconds. */
  readonly longOnly?: true;
}

export type LimitSet = 'gateway' | 'ramp' | 'soak' | 'extproc' | 'failover' | 'burst' | 'burst control';

const none = (title: string, metric: string): Limit => ({
  title,
  metric,
  stat: 'count',
  condition: '==',
  bound: 0,
  unit: '',
});
const atMost = (title: string, metric: string, stat: Limit['stat'], bound: number, unit: Limit['unit']): Limit => ({
  title,
  metric,
  stat,
  condition: '<=',
  bound,
  unit,
});
const RIGHT: Limit = {
  title: 'answers as they should be',
  metric: 'checks',
  stat: 'rate',
  condition: '==',
  bound: 1,
  unit: 'share',
};
/** k6 was too slow to send them; then the load was not what it says. */
const SENT: Limit = { ...atMost('arrivals not sent', 'dropped_iterations', 'rate', 5, '/s'), longOnly: true };
const HEALTH = { needs: 'passive health' } as const;

export const LIMITS: Readonly<Record<LimitSet, readonly Limit[]>> = {
  gateway: [
    none('requests that failed', 'requests_failed'),
    RIGHT,
    SENT,
    // Loose on purpose: a machine that also runs the servers and k6 must pass. It catches requests that wait for others.
    { ...atMost('TTFT, p99', 'ttft_ms', 'p(99)', 2_000, 'ms'), shortBound: 10_000 },
  ],
  // Past the knee requests may be slow and arrivals dropped; none may be lost or wrong.
  ramp: [none('requests that failed', 'requests_failed'), RIGHT],
  soak: [
    {
      ...atMost("growth of the picker's memory", 'picker_growth_mib_per_minute', 'value', 1, 'MiB/min'),
      longOnly: true,
    },
    none("requests left in the picker's books", 'books_left'),
    { title: 'readings of the picker', metric: 'picker_readings', stat: 'count', condition: '>=', bound: 3, unit: '' },
  ],
  extproc: [
    none('streams that failed', 'streams_failed'),
    RIGHT,
    SENT,
    { ...atMost('time to a pick, p99', 'pick_ms', 'p(99)', 250, 'ms'), shortBound: 5_000 },
  ],
  failover: [
    none('SIGKILL: failed that had not begun to answer', 'kill_failed'),
    { ...none('SIGKILL: picks of the dead server after 200 ms', 'kill_late_picks'), ...HEALTH },
    none('SIGSTOP: failed that had not begun to answer', 'hang_failed'),
    { ...none('SIGSTOP: picks of the hanging server after 2 s', 'hang_late_picks'), ...HEALTH },
    { ...atMost('instant 503: share of the server after 2 s', 'errors_late_share', 'value', 0.01, 'share'), ...HEALTH },
    { ...atMost('slowest return to equal share', 'return_seconds', 'max', 30, 's'), longOnly: true },
    SENT,
    { title: 'faults measured', metric: 'faults_measured', stat: 'count', condition: '==', bound: 3, unit: '' },
  ],
  burst: [
    none('requests that failed', 'requests_failed'),
    atMost('busiest server over the mean, mean of bursts', 'burst_spread', 'avg', 1.3, ''),
    // Where a burst takes so long to send that its first requests are done, five on a server are no crowd.
    { ...atMost('busiest server over the mean, worst burst', 'burst_spread', 'max', 1.3, ''), longOnly: true },
  ],
  'burst control': [
    {
      ...atMost('slowest of a burst over that of round robin, median', 'slowest_over_control', 'med', 1.2, ''),
      shortBound: 2,
    },
    // Of a hundred bursts, the p99 is one burst: too few of them say more about the machine than about the picker.
    { ...atMost('p99 TTFT over that of round robin', 'ttft_p99_over_control', 'value', 1.2, ''), longOnly: true },
  ],
};

/** Whether a limit decides about this run. */
export function inForce(limit: Limit, short: boolean): boolean {
  return (limit.needs === undefined || THERE[limit.needs]) && !(short && limit.longOnly === true);
}

/** What it is held to in this run. */
export function boundOf({ bound, shortBound }: Limit, short: boolean): number {
  return short ? (shortBound ?? bound) : bound;
}

/** k6's `thresholds` of the limits in force. */
export function thresholdsOf(limits: readonly Limit[], short: boolean): Record<string, string[]> {
  const thresholds: Record<string, string[]> = {};
  for (const limit of limits) {
    if (!inForce(limit, short)) continue;
    const { metric, stat, condition } = limit;
    thresholds[metric] = [...(thresholds[metric] ?? []), `${stat}${condition}${boundOf(limit, short)}`];
  }
  return thresholds;
}
