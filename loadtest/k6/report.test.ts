import { describe, expect, it } from 'vitest';
import type { Limit } from './limits.ts';
import { buildReport, type Measured, renderText, type ReportParts, show } from './report.ts';
import { renderPage } from './report-page.ts';

const LIMIT: Limit = { title: 'slow ones', metric: 'slow', stat: 'p(99)', condition: '<=', bound: 20, unit: 'ms' };
const PARTS: ReportParts = {
  script: 'burst',
  settings: { url: 'http://a&b', rate: 5 },
  limits: [LIMIT],
  figures: [
    { title: 'time', metric: 'slow', stats: ['med', 'p(99)'], unit: 'ms' },
    { title: 'sent', metric: 'sent', stats: ['count', 'rate'], unit: '' },
    { title: 'nothing', metric: 'none', stats: ['max'], unit: 's' },
  ],
  tables: [{ title: 'Steps', head: ['step', 'answered'], rows: [['1', '<2>']] }],
  short: true,
};
const measured = (p99: number): Measured => ({
  slow: { values: { med: 3.14159, 'p(99)': p99 } },
  sent: { values: { count: 10, rate: 2.5 } },
});

describe('a report', () => {
  it.each([
    ['<=', 20, 20, 'ok'],
    ['<=', 20, 20.1, 'FAILED'],
    ['<', 20, 20, 'FAILED'],
    ['<', 20, 19.9, 'ok'],
    ['==', 20, 20, 'ok'],
    ['==', 20, 19, 'FAILED'],
    ['>=', 20, 20, 'ok'],
    ['>=', 20, 19, 'FAILED'],
  ] as const)('holds %s %d against %d: %s', (condition, bound, value, state) => {
    const report = buildReport({ ...PARTS, limits: [{ ...LIMIT, condition, bound }] }, measured(value));
    expect(report.limits[0].state).toBe(state);
    expect(report.passed).toBe(state === 'ok');
  });

  it('takes what was never counted for 0, but no time that was never taken for a good one', () => {
    const state = (changes: Partial<Limit>): string =>
      buildReport({ ...PARTS, limits: [{ ...LIMIT, ...changes }] }, {}).limits[0].state;
    expect(state({ stat: 'count', condition: '==', bound: 0 })).toBe('ok');
    expect(state({ stat: 'count', condition: '>=', bound: 1 })).toBe('FAILED');
    expect(state({ stat: 'p(99)' })).toBe('FAILED');
    expect(state({ stat: 'value' })).toBe('FAILED');
  });

  it('does not show times that nobody took as 0 ms', () => {
    const metrics = { answer_ms: { values: { 'p(99)': 0, max: 0 } } };
    const figures = [{ title: 'answers', metric: 'answer_ms', stats: ['max'], unit: 'ms' as const }];
    const report = buildReport({ ...PARTS, limits: [{ ...LIMIT, metric: 'answer_ms' }], figures }, metrics);
    expect([report.limits[0].shown, report.figures[0].shown]).toEqual(['-', '-']);
  });

  it('shows a limit that is not in force, and why', () => {
    const report = buildReport({ ...PARTS, limits: [{ ...LIMIT, longOnly: true }] }, measured(99));
    expect(report.limits[0]).toMatchObject({ shown: '99 ms', state: 'info', why: 'long form only' });
    expect(report.passed).toBe(true);
  });

  it('is a table', () => {
    expect(renderText(buildReport(PARTS, measured(21))).split('\n')).toEqual([
      '',
      'burst: FAILED   (url http://a&b, rate 5)',
      '',
      '  limits     measured  limit',
      '  slow ones  21 ms     <= 20 ms  FAILED',
      '',
      '  time     p50 3.1 ms  p99 21 ms',
      '  sent     count 10  rate 2.5/s',
      '  nothing  -',
      '',
      '  step  answered',
      '  1     <2>',
      '',
      '',
    ]);
  });

  it('is a page that needs nothing else and is not broken by what it shows', () => {
    const page = renderPage(buildReport(PARTS, measured(21)));
    expect(page).toContain('<td class="FAILED">FAILED</td>');
    expect(page).toContain('&#60;2&#62;');
    expect(page).toContain('http://a&#38;b');
    expect(page).not.toMatch(/<(script|link|img)|src=|@import/);
  });
});

it('shows values with their units', () => {
  expect([show(0.12345, 'share'), show(9.87, 'ms'), show(12.5, 'ms'), show(1.25, 's'), show(2, '/s')]).toEqual([
    '12.35 %',
    '9.9 ms',
    '13 ms',
    '1.3 s',
    '2/s',
  ]);
});
