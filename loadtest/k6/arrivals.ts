import { SHORT, number, oneOf } from './env.ts';
import type { Scenario } from 'k6/options';

/**
 * How the load changes. `constant`: one rate. `ramp`: from RATE up to RAMP_TO in steps, to find the knee. `spike`: five
 * times the rate for a while. `soak`: one rate for long, with the pool changing and the picker's memory watched.
 */
export const SHAPES = ['constant', 'ramp', 'spike', 'soak'] as const;

export type Shape = (typeof SHAPES)[number];

export const SHAPE = oneOf('SCENARIO', SHAPES, 'constant');

/** Requests per second and seconds when nothing else is said. */
const LONG: Readonly<Record<Shape, readonly [number, number]>> = {
  constant: [100, 60],
  ramp: [50, 90],
  spike: [40, 60],
  soak: [300, 600],
};
const [DEFAULT_RATE, DEFAULT_SECONDS] = SHORT ? [60, 10] : LONG[SHAPE];

export const RATE = number('RATE', DEFAULT_RATE, 1, 100_000);
export const DURATION_SECONDS = number('DURATION_SECONDS', DEFAULT_SECONDS, 3, 86_400);
export const RAMP_TO = number('RAMP_TO', 8 * RATE, 1, 100_000);
export const RAMP_STEPS = number('RAMP_STEPS', SHORT ? 4 : 10, 2, 40);
export const SPIKE_FACTOR = number('SPIKE_FACTOR', 5, 1, 100);
const MADE_AT_START = 400;
const MAX_USERS = number('MAX_USERS', 1_000, 1, 100_000);

/** Rates of a ramp, one a step. */
export const RAMP_RATES: readonly number[] = Array.from({ length: RAMP_STEPS }, (_, step) =>
  Math.round(RATE + ((RAMP_TO - RATE) * step) / (RAMP_STEPS - 1)),
);

/** Parts of the run that are looked at apart. */
export const PHASES: readonly string[] =
  SHAPE === 'ramp' ? RAMP_RATES.map((_, step) => `step_${step}`) : SHAPE === 'spike' ? ['before', 'peak', 'after'] : [];

/** The phase `elapsedMs` falls in; undefined when the run has none. */
export function phaseAt(elapsedMs: number): string | undefined {
  const phase = Math.floor((elapsedMs / (DURATION_SECONDS * 1000)) * PHASES.length);
  return PHASES[Math.min(phase, PHASES.length - 1)];
}

/** The scenario of k6 that sends them. */
export function arrivals(): Scenario {
  const rates = SHAPE === 'ramp' ? RAMP_RATES : SHAPE === 'spike' ? [RATE, RATE * SPIKE_FACTOR, RATE] : [];
  // Making a user takes k6 a while; one for each arrival of a second is there from the start.
  const preAllocatedVUs = Math.min(MAX_USERS, MADE_AT_START, Math.max(RATE, ...rates));
  const users = { preAllocatedVUs, maxVUs: MAX_USERS, gracefulStop: '30s' };
  const first = { exec: 'send', timeUnit: '1s' };
  if (rates.length === 0) {
    return { ...first, executor: 'constant-arrival-rate', rate: RATE, duration: `${DURATION_SECONDS}s`, ...users };
  }
  // A stage of no time jumps to its rate.
  const stages = rates.flatMap((target) => [
    { target, duration: '0s' },
    { target, duration: `${DURATION_SECONDS / rates.length}s` },
  ]);
  return { ...first, executor: 'ramping-arrival-rate', startRate: RATE, stages, ...users };
}
