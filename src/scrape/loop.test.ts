import { describe, expect, it } from 'vitest';
import { loopRig as rig, PAGE, UNSERVED, type Wire } from '../../test/kit/scrape-loop.ts';

const silent = (): void => {};

describe('an endpoint that cannot be reached', () => {
  it('is told of at once, and until it can be', () => {
    const { columns, run, wires, time } = rig({ timeoutMs: 100 });
    columns.refusedSinceMs[0] = columns.hungSinceMs[0] = Number.NaN;
    run(60, (wire) => wire.fail());
    const since = columns.refusedSinceMs[0];
    expect(since).toBeLessThanOrEqual(time.nowMs);
    run(500, (wire) => wire.fail());
    expect([columns.refusedSinceMs[0], columns.hungSinceMs[0]]).toEqual([since, Number.NaN]);
    run(2500);
    expect([columns.refusedSinceMs[0], columns.hungSinceMs[0]]).toEqual([Number.NaN, Number.NaN]);
    run(300, silent);
    expect(columns.hungSinceMs[0]).toBeGreaterThan(since);
    expect(wires.length).toBeGreaterThan(0);
  });

  it('is not told of where its metrics page stands at another port', () => {
    const { columns, run } = rig({}, UNSERVED + 1);
    columns.refusedSinceMs.fill(Number.NaN);
    run(60, (wire) => wire.fail());
    expect(columns.refusedSinceMs[0]).toBeGreaterThan(0);
    expect(columns.refusedSinceMs[UNSERVED]).toBeNaN();
  });
});

describe('a good page', () => {
  it('fills the columns of its slot, and counts', () => {
    const { columns, run, wires, loop } = rig({}, 2);
    run(50, (wire, index) => index === 1 && wire.answer());
    expect(wires.map(({ asked }) => asked)).toEqual([1, 1]);
    expect(columns.scrapes.subarray(0, 2)).toEqual(Uint32Array.of(0, 1));
    expect([columns.waiting[1], columns.running[1], columns.kvUsage[1]]).toEqual([3, 4, 0.5]);
    expect([columns.blockTokens[1], columns.blockCount[1]]).toEqual([16, 100]);
    expect(columns.scrapedAtMs[1]).toBeGreaterThanOrEqual(1000);
    expect(columns.scrapedAtMs[1]).toBeLessThanOrEqual(1050);
    expect(loop.takeReport()).toMatchObject({ scrapes: 1, endpoints: 2, pollErrors: {}, extractErrors: 0, errors: [] });
    expect(loop.takeReport().scrapes).toBe(0);
  });

  it('turns a signal it lacks into unknown and says so', () => {
    const { columns, run, loop } = rig();
    run(100);
    run(100, (wire) => wire.answer('vllm:num_requests_running 9\n'));
    expect([columns.waiting[0], columns.running[0], columns.kvUsage[0]]).toEqual([Number.NaN, 9, Number.NaN]);
    const { errors, extractErrors } = loop.takeReport();
    expect(extractErrors).toBeGreaterThan(0);
    expect(errors).toEqual([
      {
        slot: 0,
        generation: 1,
        kind: 'extract',
        message: 'not on the page, or not usable: waiting, kvUsage, blockTokens, blockCount',
        failures: 0,
      },
    ]);
  });

  it('comes as often as configured, 50 ms at the least, without falling into step', () => {
    for (const [intervalMs, scrapes] of [
      [50, 200],
      [10, 200],
      [200, 50],
    ]) {
      const { columns, run, time } = rig({ intervalMs }, 20);
      const moments = new Set<number>();
      run(10_000, (wire) => {
        moments.add(time.nowMs);
        wire.answer();
      });
      for (let slot = 0; slot < 20; slot++) {
        expect(columns.scrapes[slot]).toBeGreaterThan(scrapes * 0.93);
        expect(columns.scrapes[slot]).toBeLessThanOrEqual(scrapes + 2);
      }
      expect(moments.size).toBeGreaterThan(scrapes * 2);
    }
  });
});

describe('failures', () => {
  it('keep the old values and are counted', () => {
    const { columns, run, loop } = rig();
    run(60);
    const before = columns.scrapes[0];
    loop.takeReport();
    run(150, (wire) => wire.fail());
    run(500, (wire) => wire.answer('<html>nothing here</html>\n'));
    expect([columns.waiting[0], columns.scrapes[0]]).toEqual([3, before]);
    const report = loop.takeReport();
    expect(report.pollErrors.connect).toBeGreaterThan(0);
    expect(report.extractErrors).toBeGreaterThan(0);
    expect(report).toMatchObject({ scrapes: 0, recovered: [] });
    expect(report.errors).toHaveLength(1);
    expect(report.errors[0].failures).toBeGreaterThan(1);
    run(3000);
    expect(loop.takeReport().recovered).toEqual([{ slot: 0, generation: 1 }]);
  });

  it('make an endpoint wait twice as long each time, up to two seconds, and not the others', () => {
    const { columns, run, wires } = rig({}, 2);
    run(60_000, (wire, index) => (index === 0 ? wire.fail() : wire.answer()));
    expect(wires[0].asked).toBeGreaterThan(28);
    expect(wires[0].asked).toBeLessThan(40);
    expect(columns.scrapes[1]).toBeGreaterThan(1100);
    const asked = wires[0].asked;
    run(5000);
    expect(wires[0].asked - asked).toBeGreaterThan(50);
  });

  it('time out at the limit and not before', () => {
    const { run, wires, loop, time } = rig({ timeoutMs: 300 });
    run(100, silent);
    expect(wires[0].asked).toBe(1);
    run(150, silent);
    expect(wires[0].closed).toBe(0);
    run(100, silent);
    expect(wires[0].closed).toBe(1);
    expect(loop.takeReport().pollErrors).toEqual({ timeout: 1 });
    expect(time.nowMs).toBe(1350);
  });

  it('are not blamed on the servers when the thread itself stood still', () => {
    const { run, wires, time, loop } = rig();
    run(100, silent);
    time.nowMs += 5000;
    loop.turn();
    expect(wires[0].closed).toBe(0);
    wires[0].answer();
    expect(loop.takeReport()).toMatchObject({ scrapes: 1, pollErrors: {} });
  });

  it('are told one by one for a bounded number of endpoints, with short messages', () => {
    const { run, loop } = rig({}, 100);
    run(100, (wire) => {
      const { listener } = wire;
      wire.listener = undefined;
      listener?.failed('malformed', 'x'.repeat(10_000));
    });
    const { errors, pollErrors } = loop.takeReport();
    expect(pollErrors.malformed).toBeGreaterThanOrEqual(100);
    expect(errors).toHaveLength(32);
    expect(errors[0].message).toHaveLength(200);
  });
});

describe('membership', () => {
  it('stops asking an endpoint that is gone and drops what was under way', () => {
    const { loop, run, wires, columns } = rig({ maxConcurrent: 1 }, 2);
    run(100, silent);
    const busy = wires.findIndex(({ asked }) => asked === 1);
    const listener = wires[busy].listener;
    loop.remove(busy, busy + 1);
    expect(wires[busy].closed).toBe(1);
    // A connection that answers all the same finds the slot's generation gone.
    columns.generation[busy] = 0;
    listener?.page(Buffer.from(PAGE));
    expect(columns.scrapes[busy]).toBe(0);
    run(1000);
    expect(wires[busy].asked).toBe(1);
    expect(wires[1 - busy].asked).toBeGreaterThan(10);
    expect(loop.takeReport().endpoints).toBe(1);
  });

  it('writes nothing into a slot with a new tenant', () => {
    const { run, wires, columns, loop, add } = rig();
    run(60, silent);
    columns.generation[0] = 77;
    wires[0].answer();
    expect([columns.scrapes[0], columns.waiting[0]]).toEqual([0, 0]);
    loop.remove(0, 77);
    expect(loop.takeReport()).toMatchObject({ endpoints: 1 });
    loop.remove(0, 1);
    add(0, 77);
    run(100);
    expect([columns.scrapes[0] > 0, columns.waiting[0]]).toEqual([true, 3]);
  });
});

describe('a page with two possible paths', () => {
  const PATHS = ['/metrics', '/prometheus/metrics'];
  const other = (wire: Wire): boolean => wire.path === PATHS[1];
  const json = (wire: Wire): void => wire.answer(other(wire) ? PAGE : '[]\n');

  it('is looked for in the second place when it is not in the first, and only there from then on', () => {
    const { run, wires, columns, loop, add } = rig({}, 0);
    add(0, 1, PATHS);
    run(110, json);
    expect(columns.scrapes[0]).toBe(1);
    run(2000, json);
    expect(wires.map(({ path, asked }) => [path, asked > 30 ? 'often' : asked])).toEqual([
      ['/metrics', 1],
      ['/prometheus/metrics', 'often'],
    ]);
    expect(wires[0].closed).toBe(1);
    // Nothing was wrong: the first answer was a question.
    expect(loop.takeReport()).toMatchObject({ pollErrors: {}, extractErrors: 0, errors: [] });
    run(500, (wire) => wire.fail('status'));
    expect(wires).toHaveLength(2);
  });

  it('may also be where a path is missing', () => {
    const { run, columns, add } = rig({}, 0);
    add(0, 1, PATHS);
    run(100, (wire) => (other(wire) ? wire.answer() : wire.fail('status')));
    expect(columns.scrapes[0]).toBeGreaterThan(0);
  });

  it('stays where it was found first', () => {
    const { run, wires, add } = rig({}, 0);
    add(0, 1, PATHS);
    run(100);
    run(500, (wire) => wire.answer('[]\n'));
    expect(wires.map(({ path }) => path)).toEqual(['/metrics']);
  });

  it('that is in neither place is a failure a round, and looked for again', () => {
    const { run, wires, loop, columns, add } = rig({}, 0);
    add(0, 1, PATHS);
    run(3000, (wire) => wire.fail('status'));
    const { pollErrors, errors } = loop.takeReport();
    const asked = wires.reduce((sum, wire) => sum + wire.asked, 0);
    expect(asked).toBeGreaterThan(8);
    expect(pollErrors.status).toBe(Math.floor(asked / 2));
    expect(errors[0].failures).toBe(pollErrors.status);
    run(5000, json);
    expect(columns.scrapes[0]).toBeGreaterThan(10);
  });

  it('is not looked for elsewhere while the server is away', () => {
    const { run, wires, add } = rig({}, 0);
    add(0, 1, PATHS);
    run(3000, (wire) => wire.fail('connect'));
    expect(wires).toHaveLength(1);
  });
});

describe('limits', () => {
  it('hold the number of scrapes under way, and give everyone a turn', () => {
    const { run, wires } = rig({ maxConcurrent: 3, timeoutMs: 100_000 }, 20);
    run(1000, silent);
    expect(wires.filter(({ listener }) => listener !== undefined)).toHaveLength(3);
    run(2000);
    const asked = wires.map((wire) => wire.asked);
    expect(Math.min(...asked)).toBeGreaterThan(3);
    expect(Math.max(...asked) - Math.min(...asked)).toBeLessThanOrEqual(10);
  });

  it('stretch the interval until the thread keeps to its CPU budget, and back', () => {
    const { run, time, loop, wires, columns } = rig({ cpuBudget: 0.5 }, 1000);
    let costMs = 0.2;
    const reply = (wire: Wire): void => {
      time.cpuMs += costMs;
      wire.answer();
    };
    run(3000, reply);
    const before = time.cpuMs;
    run(10_000, reply);
    expect((time.cpuMs - before) / 10_000).toBeCloseTo(0.5, 1);
    expect(loop.takeReport().intervalMs).toBeCloseTo(400, 0);
    expect(Math.min(...columns.scrapes.subarray(0, 1000))).toBeGreaterThan(20);
    for (let slot = 100; slot < 1000; slot++) loop.remove(slot, slot + 1);
    wires.length = 100;
    costMs = 0.1;
    run(10_000, reply);
    expect(loop.takeReport().intervalMs).toBe(50);
  });

  it('never stretch beyond five seconds', () => {
    const { run, time, loop } = rig({}, 100);
    run(10_000, (wire) => {
      time.cpuMs += 1000;
      wire.answer();
    });
    expect(loop.takeReport().intervalMs).toBe(5000);
  });
});
