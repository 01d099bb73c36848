import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { manualClock } from '../../test/kit/clock.ts';
import { SessionBindings } from './session-bindings.ts';

function rig(maxSessions = 100, ttlMs = 1000) {
  const clock = manualClock();
  return { clock, bindings: new SessionBindings(clock, { ttlMs, maxSessions }) };
}

describe('session bindings', () => {
  it('bind a session to the endpoint it was first sent to', () => {
    const { bindings } = rig();
    expect(bindings.endpointOf('a')).toBeUndefined();
    bindings.note('a', 'ns/one', false);
    bindings.note('b', 'ns/two', false);
    expect([bindings.endpointOf('a'), bindings.endpointOf('b'), bindings.size]).toEqual(['ns/one', 'ns/two', 2]);
  });

  it('move only when they may', () => {
    const { bindings } = rig();
    bindings.note('a', 'ns/one', true);
    bindings.note('a', 'ns/two', false);
    expect(bindings.endpointOf('a')).toBe('ns/one');
    bindings.note('a', 'ns/two', true);
    expect([bindings.endpointOf('a'), bindings.size]).toEqual(['ns/two', 1]);
  });

  it('last for their time after each use, to the millisecond', () => {
    const { clock, bindings } = rig();
    bindings.note('a', 'ns/one', false);
    clock.advance(1000);
    expect(bindings.endpointOf('a')).toBe('ns/one');
    bindings.note('a', 'ns/one', false);
    clock.advance(1000);
    expect(bindings.endpointOf('a')).toBe('ns/one');
    clock.advance(0.5);
    expect(bindings.endpointOf('a')).toBeUndefined();
  });

  it('are not kept alive by requests that went elsewhere', () => {
    const { clock, bindings } = rig();
    bindings.note('a', 'ns/one', false);
    clock.advance(600);
    bindings.note('a', 'ns/two', false);
    clock.advance(600);
    expect(bindings.endpointOf('a')).toBeUndefined();
  });

  it('that have expired are made anew, wherever the session is sent', () => {
    const { clock, bindings } = rig();
    bindings.note('a', 'ns/one', false);
    clock.advance(1001);
    bindings.note('a', 'ns/two', false);
    expect([bindings.endpointOf('a'), bindings.size]).toEqual(['ns/two', 1]);
  });

  it('that have expired give their memory back as new ones come, eight at a time', () => {
    const { clock, bindings } = rig();
    for (let i = 0; i < 20; i++) bindings.note(`old-${i}`, 'ns/one', false);
    clock.advance(1001);
    const sizes = ['a', 'b', 'c', 'd'].map((name) => {
      bindings.note(name, 'ns/one', false);
      return bindings.size;
    });
    expect(sizes).toEqual([13, 6, 3, 4]);
  });

  it('make way when there are too many, those unused for longest first', () => {
    const { bindings } = rig(3);
    for (const name of ['a', 'b', 'c']) bindings.note(name, 'ns/one', false);
    bindings.note('a', 'ns/one', false);
    bindings.note('d', 'ns/one', false);
    const known = ['a', 'b', 'c', 'd'].filter((name) => bindings.endpointOf(name) !== undefined);
    expect([known, bindings.size]).toEqual([['a', 'c', 'd'], 3]);
  });

  it('tell ids of any length apart', () => {
    const { bindings } = rig();
    const ids = ['x'.repeat(128), 'x'.repeat(129), `${'x'.repeat(128)}y`, 'x'.repeat(100_000)];
    for (const [index, id] of ids.entries()) bindings.note(id, `ns/${index}`, false);
    expect(ids.map((id) => bindings.endpointOf(id))).toEqual(['ns/0', 'ns/1', 'ns/2', 'ns/3']);
    expect(bindings.endpointOf('x'.repeat(127))).toBeUndefined();
  });

  it('are what a plain list of last uses says they are', () => {
    const use = fc.record({
      session: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      endpoint: fc.constantFrom('one', 'two'),
      mayMove: fc.boolean(),
      laterMs: fc.constantFrom(0, 1, 400, 1001),
    });
    fc.assert(
      fc.property(fc.array(use, { maxLength: 60 }), (uses) => {
        const { clock, bindings } = rig(4);
        let model: { session: string; endpoint: string; usedMs: number }[] = [];
        for (const { session, endpoint, mayMove, laterMs } of uses) {
          clock.advance(laterMs);
          const usedMs = clock.nowMs();
          model = model.filter((each) => usedMs - each.usedMs <= 1000);
          const known = model.find((each) => each.session === session);
          bindings.note(session, endpoint, mayMove);
          if (known === undefined || known.endpoint === endpoint || mayMove) {
            model = [...model.filter((each) => each !== known), { session, endpoint, usedMs }].slice(-4);
          }
          const bound = ['a', 'b', 'c', 'd', 'e'].map((name) => bindings.endpointOf(name));
          const expected = ['a', 'b', 'c', 'd', 'e'].map((n) => model.find((each) => each.session === n)?.endpoint);
          expect(bound).toEqual(expected);
          expect(bindings.size).toBeLessThanOrEqual(4);
        }
      }),
      { numRuns: 300 },
    );
  });
});
