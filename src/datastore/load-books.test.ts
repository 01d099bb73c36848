import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { endpointAt, endpointSpec, idlePool, scraped } from '../../test/kit/pool.ts';
import type { EndpointTable } from './endpoint-table.ts';
import type { Reservation } from './load-books.ts';

/** What the books say of one slot. */
function read(table: EndpointTable, what: 'Unseen' | 'Waiting' | 'Running', slot: number): number {
  const out = new Float64Array(1);
  table[`read${what}`](Uint32Array.of(slot), out);
  return out[0];
}

describe('load books', () => {
  it('count a pick until the second scrape after it, when that shows it', () => {
    const table = idlePool(1);
    table.books.reserve(endpointAt(table, 0));
    expect(read(table, 'Unseen', 0)).toBe(1);
    scraped(table, 0, { running: 1 });
    expect(read(table, 'Unseen', 0)).toBe(1);
    scraped(table, 0, { running: 1 });
    expect(read(table, 'Unseen', 0)).toBe(0);
    expect(table.books.inflight(0)).toBe(1);
  });

  it('count a pick for as long as an engine in the middle of a long step does not show it', () => {
    const table = idlePool(1);
    const picks = [0, 1, 2].map(() => table.books.reserve(endpointAt(table, 0)));
    for (let scrape = 0; scrape < 5; scrape++) scraped(table, 0, {});
    expect(read(table, 'Unseen', 0)).toBe(3);
    scraped(table, 0, { running: 1, waiting: 1 });
    expect(read(table, 'Unseen', 0)).toBe(1);
    expect(read(table, 'Running', 0)).toBe(2);
    table.books.release(picks[0]);
    expect(read(table, 'Unseen', 0)).toBe(0);
  });

  it('go by scrapes alone where a server does not report what it runs', () => {
    const table = idlePool(1);
    table.books.reserve(endpointAt(table, 0));
    scraped(table, 0, { running: Number.NaN });
    expect(read(table, 'Unseen', 0)).toBe(1);
    scraped(table, 0, { running: Number.NaN });
    expect(read(table, 'Unseen', 0)).toBe(0);
  });

  it('forget an unseen pick that has ended, in whichever scrape period it was made', () => {
    const table = idlePool(1);
    const first = table.books.reserve(endpointAt(table, 0));
    scraped(table, 0, {});
    const second = table.books.reserve(endpointAt(table, 0));
    expect(read(table, 'Unseen', 0)).toBe(2);
    table.books.release(first);
    expect(read(table, 'Unseen', 0)).toBe(1);
    table.books.release(second);
    expect(read(table, 'Unseen', 0)).toBe(0);
  });

  it('release once, however often they are told', () => {
    const table = idlePool(1);
    const reservation = table.books.reserve(endpointAt(table, 0));
    table.books.reserve(endpointAt(table, 0));
    table.books.release(reservation);
    table.books.release(reservation);
    expect(table.books.inflight(0)).toBe(1);
    expect(table.books.total).toBe(1);
  });

  it('leave a new tenant alone when the old one is released late', () => {
    const table = idlePool(1);
    const old = endpointAt(table, 0);
    const reservation = table.books.reserve(old);
    table.books.clear(0, old.generation + 1);
    table.books.release(reservation);
    expect(table.books.inflight(0)).toBe(0);
    expect(table.books.total).toBe(0);
  });

  it.each([
    [0, 4, 0],
    [0, 5, 1],
    [1, 0, 1],
    [1, 3, 4],
  ])('expect of %i waiting and %i unseen picks a queue of %i', (waiting, picks, expected) => {
    const table = idlePool(1);
    scraped(table, 0, { waiting, running: 2 });
    for (let i = 0; i < picks; i++) table.books.reserve(endpointAt(table, 0));
    expect(read(table, 'Waiting', 0)).toBe(expected);
    expect(read(table, 'Running', 0)).toBe(2 + picks);
  });

  it('know nothing of a server that was never scraped', () => {
    const table = idlePool(0);
    table.replace([endpointSpec(0)]);
    expect(read(table, 'Waiting', 0)).toBeNaN();
    expect(read(table, 'Running', 0)).toBeNaN();
  });

  it('return to zero after any order of picks, scrapes and ends', () => {
    const step = fc.record({
      do: fc.constantFrom('pick', 'scrape', 'end', 'leave'),
      slot: fc.nat(2),
      which: fc.nat(50),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const table = idlePool(3);
        const open: Reservation[] = [];
        for (const { do: what, slot, which } of steps) {
          const tenant = table.at(slot);
          if (what === 'pick' && tenant !== undefined) open.push(table.books.reserve(tenant));
          if (what === 'scrape' && tenant !== undefined) scraped(table, slot, {});
          if (what === 'end' && open.length > 0) table.books.release(open.splice(which % open.length, 1)[0]);
          if (what === 'leave') table.replace([0, 1, 2].filter((i) => i !== slot).map((i) => endpointSpec(i)));
          for (const each of table.all)
            expect(read(table, 'Unseen', each)).toBeLessThanOrEqual(table.books.inflight(each));
          expect(table.books.total).toBe(open.length);
        }
        for (const reservation of open) table.books.release(reservation);
        expect(table.books.total).toBe(0);
        for (const each of table.all) {
          expect(table.books.inflight(each)).toBe(0);
          expect(read(table, 'Unseen', each)).toBe(0);
        }
      }),
      { numRuns: 300 },
    );
  });
});
