import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AlarmQueue } from './timeline.ts';
import { VirtualTimeline } from './virtual-timeline.ts';
import { WallTimeline } from './wall-timeline.ts';

it('the queue gives alarms by time, equal ones in the order asked', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20)), (times) => {
      const queue = new AlarmQueue();
      for (const time of times) queue.add(time, () => undefined);
      const taken = times.map(() => queue.take());
      const sorted = taken.toSorted((a, b) => a!.timeMs - b!.timeMs || a!.order - b!.order);
      expect(taken).toEqual(sorted);
      expect(queue.take()).toBeUndefined();
    }),
  );
});

describe('virtual time', () => {
  it('jumps from alarm to alarm, and stops where told', () => {
    const timeline = new VirtualTimeline();
    const rung: number[] = [];
    timeline.at(10, () => {
      rung.push(timeline.nowMs());
      timeline.at(5, () => rung.push(timeline.nowMs()));
    });
    timeline.at(3_600_000, () => rung.push(timeline.nowMs()));
    timeline.run(50);
    expect(rung).toEqual([10, 10]);
    expect(timeline.nowMs()).toBe(50);
    timeline.run();
    expect(rung).toEqual([10, 10, 3_600_000]);
  });

  it('never rings a cancelled alarm', () => {
    const timeline = new VirtualTimeline();
    let rung = false;
    timeline.at(1, () => (rung = true)).cancel();
    timeline.run();
    expect(rung).toBe(false);
  });
});

describe('wall time', () => {
  it('rings in order, not before its time, sped up', async () => {
    const timeline = new WallTimeline(100);
    const rung = await new Promise<number[]>((resolve) => {
      const seen: number[] = [];
      timeline.at(2000, () => {
        seen.push(timeline.nowMs());
        resolve(seen);
      });
      timeline.at(500, () => seen.push(timeline.nowMs()));
    });
    timeline.stop();
    // Half a wall millisecond early at most: 50 simulated ones at this speed.
    expect(rung[0]).toBeGreaterThanOrEqual(450);
    expect(rung[1]).toBeGreaterThanOrEqual(1950);
  });
});
