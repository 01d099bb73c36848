import { describe, expect, it } from 'vitest';
import { HARDWARE_PROFILES, type ProfileName } from '../../src/simulator/engine/hardware.ts';
import { bareEngine, closedLoop, type Rig } from './engine-harness.ts';
import burst from './burst-lengths.json' with { type: 'json' };

/**
 * The engine against an independent 40-line model of the same formula (first come first served, chunked prefill, token
 * budget, 256 sequences; no blocks, no prefix cache, no attention term), whose figures are the expected ones here. That
 * model is within 16 % of the published tables named in `hardware.ts`. Both schedule the same way, so what is left
 * between them is rounding of the expected figures: 0.5 %, and 1 % where they have two digits.
 */
interface Row {
  readonly clients: number;
  readonly itlMs: number;
  readonly tokensPerSecond: number;
}

/** 1,000 prompt and output lengths, exponential with means of 230 and 203, as the reference drew them. */
const BURST = burst.map(([input, output]) => [input, output] as const);

/** Blocks never run out: the reference has none. */
const PLENTY_OF_BLOCKS = 100_000;

function reference(profile: ProfileName, maxNumSeqs = 256): Rig {
  const cost = { ...HARDWARE_PROFILES[profile].cost, attentionMs: 0 };
  return bareEngine(profile, { cost, blocks: PLENTY_OF_BLOCKS, maxNumSeqs });
}

function tokensPerSecond({ engine, timeline }: Rig): number {
  return (engine.stats.generationTokens / timeline.nowMs()) * 1000;
}

function expectRow(profile: ProfileName, lengths: readonly [number, number], requests: number, row: Row): void {
  const rig = reference(profile);
  closedLoop(rig, Array(requests).fill(lengths), row.clients);
  const { stats, pool } = rig.engine;
  expect(stats.finished.length).toBe(requests);
  expectWithin(stats.interToken.mean * 1000, row.itlMs, 0.005);
  expectWithin(tokensPerSecond(rig), row.tokensPerSecond, row.tokensPerSecond < 100 ? 0.01 : 0.005);
  expect(pool.free).toBe(pool.size);
}

function expectWithin(actual: number, expected: number, share: number): void {
  expect(actual).toBeGreaterThan(expected * (1 - share));
  expect(actual).toBeLessThan(expected * (1 + share));
}

describe('8B FP8 on one H100, 200 tokens in and out', () => {
  it.each<Row>([
    { clients: 1, itlMs: 4.03, tokensPerSecond: 247 },
    { clients: 25, itlMs: 4.75, tokensPerSecond: 4882 },
    { clients: 50, itlMs: 5.71, tokensPerSecond: 8003 },
    { clients: 100, itlMs: 7.83, tokensPerSecond: 11_772 },
    { clients: 200, itlMs: 12.07, tokensPerSecond: 15_396 },
    { clients: 250, itlMs: 14.23, tokensPerSecond: 16_402 },
  ])('$clients clients', (row) => expectRow('8b-fp8-h100', [200, 200], row.clients * 4, row));
});

describe('70B on four H100, 200 tokens in and out', () => {
  it.each<Row>([
    { clients: 1, itlMs: 12.63, tokensPerSecond: 79 },
    { clients: 25, itlMs: 13.25, tokensPerSecond: 1642 },
    { clients: 50, itlMs: 15.0, tokensPerSecond: 2799 },
    { clients: 100, itlMs: 19.62, tokensPerSecond: 4324 },
    { clients: 200, itlMs: 28.88, tokensPerSecond: 5942 },
  ])('$clients clients', (row) => expectRow('70b-4xh100', [200, 200], row.clients * 4, row));
});

describe('70B FP8 on two H100, 5000 tokens in and 500 out', () => {
  it.each<Row>([
    { clients: 1, itlMs: 17.93, tokensPerSecond: 53 },
    { clients: 5, itlMs: 21.16, tokensPerSecond: 219 },
    { clients: 25, itlMs: 38.95, tokensPerSecond: 580 },
    { clients: 50, itlMs: 61.65, tokensPerSecond: 730 },
  ])('$clients clients', (row) => expectRow('70b-fp8-2xh100', [5000, 500], Math.max(6, row.clients * 4), row));

  it('has its knee where blocks run out, which the reference cannot see', () => {
    const rig = bareEngine('70b-fp8-2xh100');
    let mostWaiting = 0;
    rig.engine.onStep = ({ waiting }) => (mostWaiting = Math.max(mostWaiting, waiting));
    closedLoop(rig, Array(200).fill([5000, 500]), 100);
    // 14,200 blocks hold 41 such sequences: published first-token time goes from 0.8 s at 50 clients to 8 s at 100.
    expect(mostWaiting).toBeGreaterThan(50);
    expect(rig.engine.stats.firstToken.mean).toBeGreaterThan(8);
    expect(rig.engine.stats.finished.length).toBe(200);
  });
});

describe('8B on one H100, a burst of 1,000 chat requests', () => {
  it('matches the reference', () => {
    const rig = reference('8b-h100', 1024);
    closedLoop(rig, BURST, 1000);
    expectWithin(rig.engine.stats.interToken.mean * 1000, 38.73, 0.005);
    expectWithin(tokensPerSecond(rig), 8515, 0.005);
  });

  it('comes nearer to the published figures once arrivals queue in front of the engine', () => {
    const { requestDelayMs, requestsPerSecond } = HARDWARE_PROFILES['8b-h100'];
    const rig = bareEngine('8b-h100', { requestDelayMs, requestsPerSecond, maxNumSeqs: 1024 });
    closedLoop(rig, BURST, 1000);
    // Published: 9.6 s and 6,583 tokens/s; without the queue the model says 3.9 s and 8,515.
    const firstToken = rig.engine.stats.firstToken.mean;
    expect(firstToken).toBeGreaterThan(5);
    expect(firstToken).toBeLessThan(9.6);
    expect(tokensPerSecond(rig)).toBeLessThan(8300);
  });
});
