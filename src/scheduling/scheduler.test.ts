import { describe, expect, it } from 'vitest';
import { manualClock, manualTimers } from '../../test/kit/clock.ts';
import { NO_EDITS } from '../../test/kit/edits.ts';
import { create, inferenceRequest } from '../../test/kit/plugins.ts';
import type { Follower } from '../core/hooks.ts';
import type { Candidates } from '../core/endpoint.ts';
import type { Rejection } from '../core/errors.ts';
import type { Producer, ProfileHandler } from '../core/kinds.ts';
import type { Plugin } from '../core/plugin.ts';
import { maxScorePicker } from '../plugins/pickers/max-score.ts';
import { singleProfileHandler } from '../plugins/profile-handlers/single-profile.ts';
import { Scheduler } from './scheduler.ts';

const ALL = Uint32Array.of(0, 1);

function named<K extends Plugin['kind']>(kind: K, name: string, instance: Plugin<K>['instance']): Plugin<K> {
  return { name, type: name, metricType: name, kind, instance };
}

interface RigOptions {
  readonly minPicks?: number;
  readonly handler?: ProfileHandler;
  readonly picker?: object;
  readonly answerDeadlineMs?: number;
}

function rig(producers: readonly Producer[], plugins: readonly Plugin[] = [], options: RigOptions = {}) {
  const clock = manualClock();
  const timers = manualTimers();
  const faults: string[] = [];
  const handler = named('profile-handler', 'handler', options.handler ?? create(singleProfileHandler));
  const picker = named('picker', 'picker', create(maxScorePicker, options.picker));
  const scheduler = new Scheduler(
    {
      producers: producers.map((producer, index) => named('producer', `p${index}`, producer)),
      handler,
      profiles: [{ name: 'default', filters: [], scorers: [], picker }],
      plugins,
    },
    {
      clock,
      timers,
      answerDeadlineMs: options.answerDeadlineMs ?? 60_000,
      bindDuration: () => () => {},
      minPicks: options.minPicks ?? 1,
      decisionListener: () => undefined,
      onProducerFault: ({ name }, error) => void faults.push(`${name}: ${(error as Error).message}`),
    },
  );
  return { scheduler, clock, timers, faults };
}

describe('producers', () => {
  it('that need not wait keep nobody waiting', () => {
    const ran: string[] = [];
    const { scheduler } = rig([{ produce: () => void ran.push('a') }, { produce: () => void ran.push('b') }]);
    expect(scheduler.produce(inferenceRequest(), ALL)).toBeUndefined();
    expect(ran).toEqual(['a', 'b']);
  });

  it('run one after the other, also behind one that waits', async () => {
    const ran: string[] = [];
    let settle = (): void => {};
    const waits: Producer = {
      produce: () =>
        new Promise<void>((resolve) => {
          settle = () => {
            ran.push('a');
            resolve();
          };
        }),
    };
    const { scheduler, timers } = rig([waits, { produce: () => void ran.push('b') }]);
    const waiting = scheduler.produce(inferenceRequest(), ALL);
    expect(ran).toEqual([]);
    settle();
    await waiting;
    expect(ran).toEqual(['a', 'b']);
    expect(timers.waiting).toBe(0);
  });

  it.each([
    [undefined, 399, 400],
    [5000, 4999, 5000],
  ])('with a time-out of %s are waited for %d ms and given up at %d', async (timeoutMs, last, first) => {
    const ran: string[] = [];
    const never: Producer = { timeoutMs, produce: () => new Promise<void>(() => {}) };
    const { scheduler, timers, faults } = rig([never, { produce: () => void ran.push('b') }]);
    const waiting = scheduler.produce(inferenceRequest(), ALL);
    timers.advance(last);
    expect(faults).toEqual([]);
    timers.advance(first - last);
    await waiting;
    expect(faults).toEqual([`p0: not done after ${first} ms`]);
    expect(ran).toEqual(['b']);
  });

  it('are waited for together no longer than the answer may take; the quick ones still run', async () => {
    const ran: string[] = [];
    const slow = (): Producer => ({ timeoutMs: 5000, produce: () => new Promise<void>(() => {}) });
    const { scheduler, clock, timers, faults } = rig([slow(), slow(), { produce: () => void ran.push('c') }], [], {
      answerDeadlineMs: 1000,
    });
    const waiting = scheduler.produce(inferenceRequest(), ALL);
    clock.advance(1000);
    timers.advance(999);
    expect(faults).toEqual([]);
    timers.advance(1);
    await Promise.resolve();
    await new Promise(setImmediate);
    timers.advance(0);
    await waiting;
    expect(faults).toEqual(['p0: not done after 1000 ms', 'p1: not done after 0 ms']);
    expect(ran).toEqual(['c']);
  });

  it('that fail, at once or later, are told of and stop nobody', async () => {
    const ran: string[] = [];
    const { scheduler, faults } = rig([
      {
        produce() {
          throw new Error('now');
        },
      },
      { produce: () => Promise.reject(new Error('later')) },
      { produce: () => void ran.push('c') },
    ]);
    await scheduler.produce(inferenceRequest(), ALL);
    expect(faults).toEqual(['p0: now', 'p1: later']);
    expect(ran).toEqual(['c']);
  });
});

describe('a profile', () => {
  it.each([
    ['fallbacks', 1, 3, 3],
    ['fallbacks', 2, 1, 2],
    ['fallbacks', 1, 9, 4],
    ['picker', 1, 3, 1],
    ['picker', 2, 3, 2],
    ['picker', 9, 1, 4],
  ] as const)('ranks for %s, %i asked by the picker and %i in all: %i of four', (depth, own, minPicks, ranked) => {
    const ran: (Candidates | Rejection)[] = [];
    const asks: ProfileHandler = {
      accept() {},
      schedule(_request, [name], run) {
        ran.push(run(name, depth));
        return { primary: name, picks: new Map() };
      },
    };
    const { scheduler } = rig([], [], { minPicks, handler: asks, picker: { maxNumOfEndpoints: own } });
    scheduler.schedule(inferenceRequest(), Uint32Array.of(0, 1, 2, 3));
    expect(ran).toMatchObject([{ length: ranked }]);
  });
});

describe('a pick', () => {
  it('is followed by those who want to', () => {
    const follower: Follower = {};
    const follows = named('hook', 'follows', { onPicked: () => follower });
    const looks = named('hook', 'looks', { onPicked() {} });
    const { scheduler } = rig([], [looks, follows]);
    const schedule = { primary: 'default', picks: new Map([['default', ALL]]) };
    expect(scheduler.picked(inferenceRequest(), schedule, NO_EDITS)).toEqual([follower]);
    expect(rig([], [looks]).scheduler.picked(inferenceRequest(), schedule, NO_EDITS)).toBeUndefined();
  });
});
