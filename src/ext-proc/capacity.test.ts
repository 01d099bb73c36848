import { describe, expect, it } from 'vitest';
import { headersOf } from '../../test/kit/headers.ts';
import { type Headers, NO_HEADERS } from '../core/headers.ts';
import { Capacity, type CapacityLimits } from './capacity.ts';

const SHEDDABLE = headersOf({ priority: '-1' });
const URGENT = headersOf({ priority: '9' });

function capacityOf(limits: Partial<CapacityLimits>) {
  const refused: string[] = [];
  const reader = {
    priorityOf: (headers: Headers) => Number(headers.get('priority') ?? 0),
    dialectOf: () => 'anthropic' as const,
  };
  const capacity = new Capacity(
    { maxStreams: Infinity, maxHeldBodyBytes: Infinity, ...limits },
    reader,
    (limit, shed) => refused.push(`${limit} ${shed}`),
  );
  return { capacity, refused };
}

/** Opens a stream; whether its request may go on. */
const ask = (capacity: Capacity, headers: Headers = NO_HEADERS): boolean => {
  expect(capacity.streamStarted()).toBe(true);
  const refusal = capacity.refuseRequest(headers);
  if (refusal !== undefined) capacity.streamEnded();
  return refusal === undefined;
};

describe('room for streams', () => {
  it('ends for negative priority at four fifths, for everybody at the limit', () => {
    const { capacity, refused } = capacityOf({ maxStreams: 10 });
    for (let i = 0; i < 8; i++) expect(ask(capacity, SHEDDABLE)).toBe(true);
    expect(ask(capacity, SHEDDABLE)).toBe(false);
    expect(ask(capacity)).toBe(true);
    expect(ask(capacity, URGENT)).toBe(true);
    expect(ask(capacity, URGENT)).toBe(false);
    expect(ask(capacity)).toBe(false);
    expect(refused).toEqual(['streams true', 'streams false', 'streams false']);
    capacity.streamEnded();
    expect(ask(capacity)).toBe(true);
  });

  it('has some over for answering those refused, and ends there', () => {
    const { capacity, refused } = capacityOf({ maxStreams: 4 });
    for (let i = 0; i < 5; i++) expect(capacity.streamStarted()).toBe(true);
    expect(capacity.streamStarted()).toBe(false);
    expect([capacity.streams, refused]).toEqual([5, ['streams false']]);
  });

  it('is refused with what the client is to do about it', () => {
    const { capacity } = capacityOf({ maxStreams: 1 });
    for (let i = 0; i < 2; i++) capacity.streamStarted();
    expect(capacity.refuseRequest(NO_HEADERS)).toMatchObject({
      rejection: { code: 'ResourceExhausted', dropReason: 'rejected-saturated', retryAfterSeconds: 1 },
      dialect: 'anthropic',
    });
  });

  it('never ends where nobody set a limit', () => {
    const capacity = new Capacity();
    for (let i = 0; i < 100_000; i++) expect(capacity.streamStarted()).toBe(true);
    expect([capacity.refuseRequest(SHEDDABLE), capacity.holdBody(1e12, SHEDDABLE)]).toEqual([undefined, undefined]);
  });
});

describe('room for bodies', () => {
  it('counts what is held, to the byte', () => {
    const { capacity, refused } = capacityOf({ maxHeldBodyBytes: 1000 });
    expect(capacity.holdBody(800, SHEDDABLE)).toBeUndefined();
    expect(capacity.holdBody(1, SHEDDABLE)).toBeDefined();
    expect(capacity.holdBody(200, NO_HEADERS)).toBeUndefined();
    expect(capacity.holdBody(1, URGENT)).toBeDefined();
    expect([capacity.heldBodyBytes, refused]).toEqual([1000, ['held_body_bytes true', 'held_body_bytes false']]);
    capacity.releaseBody(1000);
    expect(capacity.holdBody(1000, NO_HEADERS)).toBeUndefined();
  });
});
