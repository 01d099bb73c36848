import { type Measured, show, statOf, type Table } from './report.ts';

/** A step is past the knee when its p95 is this many times that of the first step, or a tenth of it went unanswered. */
const KNEE_FACTOR = 3;
const KNEE_ANSWERED = 0.9;

/** TTFT and answers of each step, and the last step before things got out of hand. */
export function rampTable(measured: Measured, rates: readonly number[], stepSeconds: number): Table {
  const steps = rates.map((rate, step) => ({
    rate,
    answered: (statOf(measured, `step_${step}_answers`, 'count') ?? 0) / stepSeconds,
    p50: statOf(measured, `step_${step}_ttft_ms`, 'med'),
    p95: statOf(measured, `step_${step}_ttft_ms`, 'p(95)'),
  }));
  const fastMs = (steps[0]?.p95 ?? Number.NaN) * KNEE_FACTOR;
  const out = steps.findIndex(
    ({ rate, answered, p95 }) => !(p95 !== undefined && p95 <= fastMs && answered >= KNEE_ANSWERED * rate),
  );
  const knee = out < 0 ? `above ${rates.at(-1)}` : out === 0 ? 'below the first step' : String(rates[out - 1]);
  return {
    title: `Steps; knee: ${knee} requests/s`,
    head: [`knee ${knee}: requests/s`, 'answered/s', 'TTFT p50', 'TTFT p95'],
    rows: steps.map(({ rate, answered, p50, p95 }) => [String(rate), answered.toFixed(0), ms(p50), ms(p95)]),
  };
}

/** TTFT before, in and after the spike. */
export function spikeTable(measured: Measured): Table {
  return {
    title: 'Spike',
    head: ['spike', 'answered', 'TTFT p50', 'TTFT p95'],
    rows: ['before', 'peak', 'after'].map((phase) => [
      phase,
      String(statOf(measured, `${phase}_answers`, 'count') ?? 0),
      ms(statOf(measured, `${phase}_ttft_ms`, 'med')),
      ms(statOf(measured, `${phase}_ttft_ms`, 'p(95)')),
    ]),
  };
}

function ms(value: number | undefined): string {
  return value === undefined ? '-' : show(value, 'ms');
}
