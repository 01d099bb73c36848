import { describe, expect, it } from 'vitest';
import { manualClock } from '../../test/kit/clock.ts';
import { healthBook } from '../../test/kit/health.ts';
import { inferenceRequest } from '../../test/kit/plugins.ts';
import { endpointAt, idlePool, scraped } from '../../test/kit/pool.ts';
import { DEFAULT_PROFILE, defaultScheduler, schedulerOf } from '../../test/kit/scheduler.ts';
import { Rejection } from '../core/errors.ts';
import { DEFAULT_TRUST, type TrustSettings } from '../core/metrics-trust.ts';
import { utilizationDetector } from '../plugins/saturation-detectors/utilization-detector.ts';
import { seededRandom } from '../lib/random.ts';
import type { EndpointTable } from './endpoint-table.ts';
import type { Reservation } from './load-books.ts';
import { MetricsTrust } from './metrics-trust.ts';

const SCRAPE_MS = 50;
const LOOK_MS = 250;
const FULL = { waiting: 20, running: 50, kvUsage: 0.99 };
type Numbers = Parameters<typeof scraped>[2];

function rig(size: number, settings: Partial<TrustSettings> = {}) {
  const pool = idlePool(size);
  const clock = manualClock();
  const health = healthBook(pool, clock);
  const changes: string[] = [];
  let tries = 0;
  const trust = new MetricsTrust({
    endpoints: pool,
    clock,
    random: seededRandom(1),
    settings: { ...DEFAULT_TRUST, ...settings },
    staleAfterMs: 2000,
    lastAliveMs: (slot) => health.lastAliveMs(slot),
    onChange: ({ slot }, frozen) => void changes.push(`${slot} ${frozen ? 'froze' : 'moves'}`),
    onTry: () => void tries++,
  });
  trust.scrapedEvery(SCRAPE_MS);
  pool.listen({ added() {}, removed: ({ slot }) => trust.removed(slot) });
  const scrape = (slot: number, numbers: Numbers): void => {
    scraped(pool, slot, numbers);
    pool.signals.scrapedAtMs[slot] = clock.nowMs();
  };
  return {
    pool,
    clock,
    health,
    trust,
    changes,
    scrape,
    tries: () => tries,
    /** Scrapes slot 0 with the same numbers for so long, and looks. */
    stand(ms: number, numbers: Numbers): void {
      for (let passed = 0; passed < ms; passed += LOOK_MS) {
        clock.advance(LOOK_MS);
        for (const slot of pool.all) scrape(slot, slot === 0 ? numbers : {});
        trust.look();
      }
    },
    /** Picks in a row that try slot 0. */
    triesIn(picks: number): number {
      let found = 0;
      for (let pick = 0; pick < picks; pick++) {
        const slot = trust.toTry(pool.all);
        if (slot === undefined) continue;
        trust.tried(slot, true);
        found++;
      }
      return found;
    },
  };
}

/** What the first endpoint is taken to have. */
function load(pool: EndpointTable): { waiting: number; running: number } {
  const waiting = new Float64Array(1);
  const running = new Float64Array(1);
  pool.readWaiting(pool.all.subarray(0, 1), waiting);
  pool.readRunning(pool.all.subarray(0, 1), running);
  return { waiting: waiting[0], running: running[0] };
}

describe('trust in old metrics', () => {
  it.each([
    [0, 1],
    [200, 1],
    [1100, 0.5],
    [1999, 0.0006],
    [2000, 0],
    [60_000, 0],
  ])('of an age of %i ms is %d', (ageMs, expected) => {
    const { pool, clock, trust, scrape } = rig(1);
    scrape(0, { waiting: 10, running: 30, kvUsage: 0.9 });
    clock.advance(ageMs);
    trust.look();
    expect(pool.trust[0]).toBeCloseTo(expected, 3);
    expect(load(pool).waiting).toBeCloseTo(10 * expected, 1);
    expect(load(pool).running).toBeCloseTo(30 * expected, 1);
    expect(pool.trustedKvUsage(0)).toBeCloseTo(0.5 + 0.4 * expected, 3);
  });

  it('leaves what we sent to the endpoint, however old they are', () => {
    const { pool, clock, trust, scrape } = rig(1);
    for (let i = 0; i < 10; i++) pool.books.reserve(endpointAt(pool, 0));
    scrape(0, { waiting: 2, running: 8 });
    scrape(0, { waiting: 2, running: 8 });
    expect(load(pool)).toEqual({ waiting: 2, running: 8 });
    clock.advance(2000);
    trust.look();
    expect(load(pool)).toEqual({ waiting: 6, running: 10 });
  });

  it('goes by the interval where scrapes are far apart', () => {
    const { pool, clock, trust, scrape } = rig(1);
    trust.scrapedEvery(5000);
    scrape(0, {});
    clock.advance(20_000);
    trust.look();
    expect(pool.trust[0]).toBe(1);
    clock.advance(20_000);
    trust.look();
    expect(pool.trust[0]).toBe(0);
  });

  it('returns with a scrape, for a new tenant, and when it is switched off', () => {
    const { pool, clock, trust, scrape } = rig(2);
    clock.advance(10_000);
    trust.look();
    expect([...pool.trust.subarray(0, 2)]).toEqual([0, 0]);
    scrape(0, {});
    trust.look();
    expect([...pool.trust.subarray(0, 2)]).toEqual([1, 0]);
    trust.configure({ ...DEFAULT_TRUST, enabled: false });
    trust.look();
    expect([...pool.trust.subarray(0, 2)]).toEqual([1, 1]);
  });

  it('is not asked for before there is a scrape', () => {
    const { pool, trust } = rig(1);
    pool.signals.scrapedAtMs[0] = Number.NaN;
    trust.look();
    expect(pool.trust[0]).toBe(1);
  });
});

describe('a page that stands still', () => {
  it.each<readonly [what: string, numbers: Numbers, inflight: number, froze: boolean]>([
    ['and tells of a queue is frozen', { waiting: 1 }, 0, true],
    ['and tells of running requests is frozen', { running: 1 }, 0, true],
    ['and tells of a cache more than half full is frozen', { kvUsage: 0.51 }, 0, true],
    ['and tells of nothing is not', { kvUsage: 0.5 }, 0, false],
    ['and tells of nothing is where we have requests', {}, 1, true],
  ])('%s', (_what, numbers, inflight, froze) => {
    const { pool, trust, changes, stand } = rig(1);
    for (let i = 0; i < inflight; i++) pool.books.reserve(endpointAt(pool, 0));
    stand(5000, numbers);
    expect(changes).toEqual([]);
    stand(LOOK_MS, numbers);
    expect(changes).toEqual(froze ? ['0 froze'] : []);
    expect([trust.frozen, trust.isFrozen(0)]).toEqual([froze ? 1 : 0, froze]);
    stand(LOOK_MS, { running: 9 });
    expect(changes).toEqual(froze ? ['0 froze', '0 moves'] : []);
    expect(trust.frozen).toBe(0);
  });

  it('is trusted on until an answer comes from behind it', () => {
    const { pool, clock, health, stand } = rig(1);
    health.alive(endpointAt(pool, 0), clock.nowMs());
    stand(60_000, FULL);
    expect(pool.trust[0]).toBe(1);
    health.alive(endpointAt(pool, 0), clock.nowMs());
    stand(LOOK_MS, FULL);
    expect(pool.trust[0]).toBe(0);
    stand(LOOK_MS, { ...FULL, running: 49 });
    expect(pool.trust[0]).toBe(1);
  });

  it('loses trust bit by bit where answers come all the time', () => {
    const { pool, clock, health, stand } = rig(1);
    stand(5500, FULL);
    health.alive(endpointAt(pool, 0), clock.nowMs());
    stand(2250, FULL);
    expect(pool.trust[0]).toBeCloseTo(0.5, 1);
  });

  it('is tried by one pick in 100, and by none while the answer is out', () => {
    const { pool, tries, triesIn, stand } = rig(3);
    expect(triesIn(1000)).toBe(0);
    stand(5250, FULL);
    expect(triesIn(99)).toBe(0);
    expect(triesIn(1)).toBe(1);
    const sent = pool.books.reserve(endpointAt(pool, 0));
    expect(triesIn(1000)).toBe(0);
    pool.books.release(sent);
    expect(triesIn(1000)).toBe(10);
    expect(tries()).toBe(11);
  });

  it('is forgotten with its endpoint, and when trust is switched off', () => {
    const { pool, trust, stand, triesIn } = rig(1);
    stand(5250, FULL);
    trust.configure({ ...DEFAULT_TRUST, enabled: false });
    expect([trust.frozen, triesIn(1000)]).toEqual([0, 0]);
    trust.configure(DEFAULT_TRUST);
    stand(5250, FULL);
    expect(trust.frozen).toBe(1);
    pool.replace([]);
    expect(trust.frozen).toBe(0);
  });
});

describe('traffic', () => {
  /** Picks of each of four endpoints in the last of two minutes; slot 0 shows `numbers` all the time. */
  function traffic(numbers: Numbers, settings: Partial<TrustSettings> = {}): number[] {
    const { pool, clock, health, trust, scrape } = rig(4, settings);
    const scheduler = defaultScheduler(pool, { trials: trust });
    const open: { readonly endsMs: number; readonly place: Reservation }[] = [];
    const counts = [0, 0, 0, 0];
    const endMs = clock.nowMs() + 120_000;
    for (let step = 0; clock.nowMs() < endMs; step++) {
      clock.advance(10);
      while (open.length > 0 && open[0].endsMs <= clock.nowMs()) {
        const { place } = open.shift() as (typeof open)[0];
        health.alive(endpointAt(pool, place.slot), clock.nowMs());
        pool.books.release(place);
      }
      const request = inferenceRequest({ data: [] }, [`prompt ${step}`]);
      void scheduler.produce(request, pool.all);
      const schedule = scheduler.schedule(request, pool.all);
      if (schedule instanceof Rejection) throw new Error(schedule.message);
      const [slot] = schedule.picks.get('default') ?? [];
      open.push({ endsMs: clock.nowMs() + 400, place: pool.books.reserve(endpointAt(pool, slot)) });
      if (endMs - clock.nowMs() < 60_000) counts[slot]++;
      if (step % (SCRAPE_MS / 10) !== 0) continue;
      for (const other of pool.all) {
        const running = pool.books.inflight(other);
        scrape(other, other === 0 ? numbers : { running, kvUsage: Math.min(1, running / 20) });
      }
      if (step % (LOOK_MS / 10) === 0) trust.look();
    }
    return counts;
  }

  it('comes back to an endpoint whose page says full for ever', () => {
    expect(traffic(FULL, { enabled: false })[0]).toBe(0);
    const [frozen, ...others] = traffic(FULL);
    expect(frozen).toBeGreaterThan(300);
    expect(frozen).toBeLessThan(Math.min(...others));
  });

  it('does not herd to an endpoint whose page says empty for ever', () => {
    const [believed] = traffic({}, { enabled: false });
    const [frozen, ...others] = traffic({});
    expect(frozen).toBeLessThan(believed);
    expect(frozen).toBeLessThan(Math.min(...others));
  });

  it('comes back past filters by load, whose word counts for everybody else', () => {
    const { pool, trust, stand } = rig(2);
    const scheduler = schedulerOf(pool, { ...DEFAULT_PROFILE, filters: [utilizationDetector], trials: trust });
    stand(5250, FULL);
    for (const slot of pool.all) pool.signals.scrapedAtMs[slot] = manualClock().nowMs();
    const firsts = Array.from({ length: 300 }, () => {
      const schedule = scheduler.schedule(inferenceRequest({ data: [] }), pool.all);
      return schedule instanceof Rejection ? undefined : schedule.picks.get('default')?.[0];
    });
    expect(firsts.flatMap((slot, pick) => (slot === 0 ? [pick] : []))).toEqual([99, 199, 299]);
    expect(pool.trust[0]).toBe(1);
  });

  it('tries an endpoint that does not answer with one request at a time', () => {
    const { pool, trust, stand } = rig(2);
    const scheduler = defaultScheduler(pool, { trials: trust, fallbacks: 1 });
    stand(5250, FULL);
    const firsts = Array.from({ length: 500 }, () => {
      const request = inferenceRequest({ data: [] });
      const schedule = scheduler.schedule(request, pool.all);
      if (schedule instanceof Rejection) throw new Error(schedule.message);
      const ranked = [...(schedule.picks.get('default') ?? [])];
      expect(new Set(ranked)).toEqual(new Set([0, 1]));
      if (ranked[0] === 0) pool.books.reserve(endpointAt(pool, 0));
      return ranked[0];
    });
    expect(firsts.indexOf(0)).toBe(99);
    expect(firsts.filter((slot) => slot === 0)).toHaveLength(1);
  });
});
