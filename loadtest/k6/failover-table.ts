import { type Measured, show, statOf, type Table, type Unit } from './report.ts';

/** What each fault did, a row each. `healSeconds` is how long the return was watched. */
export function failoverTable(measured: Measured, faults: readonly string[], healSeconds: number): Table {
  return {
    title: 'Faults',
    head: [
      'fault',
      'answered',
      'failed',
      'cut off',
      'picked late',
      'share late',
      'answers p50',
      'p99',
      'equal share after',
    ],
    rows: faults.map((fault) => {
      const cell = (name: string, stat: string, unit: Unit): string => {
        const value = statOf(measured, `${fault}_${name}`, stat);
        return value === undefined ? '-' : show(value, unit);
      };
      const returned = statOf(measured, `${fault}_return_seconds`, 'value');
      return [
        fault,
        cell('answered', 'count', ''),
        cell('failed', 'count', ''),
        cell('cut_off', 'count', ''),
        cell('late_picks', 'count', ''),
        cell('late_share', 'value', 'share'),
        cell('answer_ms', 'med', 'ms'),
        cell('answer_ms', 'p(99)', 'ms'),
        returned === undefined
          ? '-'
          : returned < healSeconds
            ? show(returned, 's')
            : `not in ${show(healSeconds, 's')}`,
      ];
    }),
  };
}
