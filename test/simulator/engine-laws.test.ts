import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/lib/random.ts';
import type { StepRecord } from '../../src/simulator/engine/engine.ts';
import { HARDWARE_PROFILES } from '../../src/simulator/engine/hardware.ts';
import { measuredNoise } from '../../src/simulator/engine/step-cost.ts';
import { bareEngine, closedLoop, promptOf, type Rig } from './engine-harness.ts';

/** Requests with exponential gaps, `perSecond` on average, for `seconds`. */
function poisson(rig: Rig, perSecond: number, seconds: number, seed: number): void {
  const random = seededRandom(seed);
  let id = 0;
  for (let atMs = 0; atMs < seconds * 1000; atMs += (-Math.log(1 - random.next()) / perSecond) * 1000) {
    id += 1;
    const prompt = promptOf(id, 100 + random.below(800));
    const output = 20 + random.below(400);
    rig.timeline.at(atMs, () => rig.submit(prompt, output));
  }
  rig.timeline.run();
}

describe("Little's law on the server's own gauges", () => {
  it.each([
    { name: 'idle enough that nobody queues', maxNumSeqs: 256, perSecond: 12 },
    { name: 'with a queue', maxNumSeqs: 16, perSecond: 7 },
  ])('holds $name', ({ maxNumSeqs, perSecond }) => {
    const rig = bareEngine('8b-h100', { maxNumSeqs });
    const { stats } = rig.engine;
    let [running, waiting, lastMs] = [0, 0, 0];
    let [gaugeRunning, gaugeWaiting] = [0, 0];
    rig.engine.onStep = ({ endMs }) => {
      running += gaugeRunning * (endMs - lastMs);
      waiting += gaugeWaiting * (endMs - lastMs);
      [gaugeRunning, gaugeWaiting, lastMs] = [stats.running, stats.waiting, endMs];
    };
    poisson(rig, perSecond, 300, 7);
    const perMs = stats.finished.length / rig.timeline.nowMs();
    const expectedRunning = perMs * stats.inferenceTime.mean * 1000;
    const expectedWaiting = perMs * stats.queueTime.mean * 1000;
    // A request counts as queued once a step left it out, so the gauge misses up to a step of every request's wait.
    const stepMs = rig.timeline.nowMs() / stats.stepTokens.count;
    expect(Math.abs(running / rig.timeline.nowMs() / expectedRunning - 1)).toBeLessThan(0.02);
    expect(Math.abs(waiting / rig.timeline.nowMs() - expectedWaiting)).toBeLessThan(
      0.02 * expectedWaiting + perMs * stepMs,
    );
  });
});

it('an 8B pod makes about 18 requests a second at 512 in, 256 out and 64 clients', () => {
  const { cost } = HARDWARE_PROFILES['8b-h100'];
  const rig = bareEngine('8b-h100', { cost });
  closedLoop(rig, Array(640).fill([512, 256]), 64);
  const perSecond = (640 / rig.timeline.nowMs()) * 1000;
  expect(perSecond).toBeGreaterThan(17);
  expect(perSecond).toBeLessThan(19);
});

describe('determinism', () => {
  function trace(seed: number): StepRecord[] {
    const steps: StepRecord[] = [];
    const { requestDelayMs, outputDelayMs, requestsPerSecond } = HARDWARE_PROFILES['8b-h100'];
    const rig = bareEngine('8b-h100', {
      requestDelayMs,
      outputDelayMs,
      requestsPerSecond,
      noise: measuredNoise(seededRandom(seed)),
      blocks: 800,
    });
    rig.engine.onStep = (record) => steps.push(record);
    poisson(rig, 20, 10, 3);
    return steps;
  }

  it('one seed gives one trace, down to the last bit', () => {
    expect(trace(5)).toEqual(trace(5));
  });

  it('another seed gives another', () => {
    expect(trace(5)).not.toEqual(trace(6));
  });
});

it('noise leaves the mean step about where it was', () => {
  const noise = measuredNoise(seededRandom(1));
  let sum = 0;
  for (let step = 0; step < 20_000; step += 1) sum += noise();
  // Log-normal with sigma 0.05, and one step in a hundred doubled: 1.0013 x 1.01.
  expect(sum / 20_000).toBeCloseTo(1.011, 2);
});
