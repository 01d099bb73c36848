import { describe, expect, it } from 'vitest';
import { loopRig, PAGE, type Wire } from '../../test/kit/scrape-loop.ts';
import { mergeEngines } from './engine-configs.ts';
import { BUILT_IN_ENGINES, metricNames } from './engines.ts';
import { shortPagePath } from './short-page.ts';

describe('the path of a short page', () => {
  const namesIn = (path: string | undefined): string[] => new URL(path ?? '', 'http://h').searchParams.getAll('name[]');

  it('names everything that is read of vLLM, after a slash', () => {
    const path = shortPagePath(BUILT_IN_ENGINES[0]);
    expect(path).toMatch(/^\/metrics\/\?name%5B%5D=vllm%3Anum_requests_waiting&name%5B%5D=vllm/);
    expect(namesIn(path)).toEqual([
      'vllm:num_requests_waiting',
      'vllm:num_requests_running',
      'vllm:kv_cache_usage_perc',
      'vllm:gpu_cache_usage_perc',
      'vllm:cache_config_info',
      'vllm:lora_requests_info',
      'vllm:lora_adapter_loaded',
      'vllm:max_gpu_lora_adapters',
    ]);
  });

  it('is there for no other engine', () => {
    const others = BUILT_IN_ENGINES.slice(1).map((engine) => shortPagePath(engine));
    expect(others).toEqual(others.map(() => undefined));
    const [mine] = mergeEngines([{ name: 'mine', queuedRequestsSpec: 'vllm:num_requests_waiting' }]).slice(-1);
    expect(shortPagePath(mine)).toBeUndefined();
  });

  it('follows what a configuration reads of vLLM instead', () => {
    const [engine] = mergeEngines([
      {
        name: 'vllm',
        queuedRequestsSpec: 'depth{tier=gold}',
        cacheInfoSpec: 'info',
        loraSpec: 'adapters',
        customMetrics: [
          { attributeKey: 'a', metricSpec: 'heat' },
          { attributeKey: 'b', metricSpec: 'depth' },
        ],
      },
    ]);
    expect(namesIn(shortPagePath(engine))).toEqual(['depth', 'info', 'heat', 'adapters']);
    expect(metricNames(engine)).toEqual(['depth', 'info', 'heat', 'adapters']);
  });

  it('is none where nothing is read, or so much that the path gets long', () => {
    const reading = (count: number) =>
      mergeEngines([
        {
          name: 'vllm',
          customMetrics: [...Array(count).keys()].map((at) => ({
            attributeKey: `${at}`,
            metricSpec: `m${at}_${'x'.repeat(49)}`,
          })),
        },
      ])[0];
    expect(shortPagePath(reading(0))).toBeUndefined();
    expect(shortPagePath(reading(60))?.length).toBeLessThanOrEqual(4096);
    expect(shortPagePath(reading(64))).toBeUndefined();
  });
});

const SHORT = '/metrics/?short';
const LORA = 'vllm:lora_requests_info{max_lora="4",running_lora_adapters="sql",waiting_lora_adapters=""} 1\n';
const TEN_MINUTES_MS = 600_000;
const isShort = (wire: Wire): boolean => wire.path === SHORT;

/** A server with a short path, and what was asked of it: `f` for the whole page, `s` for the short one. */
function rig() {
  const world = loopRig({}, 0);
  world.add(0, 1, ['/metrics'], SHORT);
  let asked = '';
  const run = (ms: number, reply: (wire: Wire) => void): string => {
    asked = '';
    world.run(ms, (wire) => {
      asked += isShort(wire) ? 's' : 'f';
      reply(wire);
    });
    return asked;
  };
  return { ...world, run };
}

const good = (wire: Wire): void => wire.answer();
/** Answers the whole page well, and the short one in some other way. */
const butShort =
  (reply: (wire: Wire) => void) =>
  (wire: Wire): void =>
    isShort(wire) ? reply(wire) : wire.answer();

describe('an endpoint with a short page', () => {
  it('is asked for the whole page once, then for the short one', () => {
    const { run, wires, loop, columns } = rig();
    expect(run(1000, good)).toMatch(/^fs{15,}$/);
    expect(wires.map(({ path }) => path)).toEqual(['/metrics', SHORT]);
    expect(wires[0].closed).toBe(1);
    const report = loop.takeReport();
    expect(report).toMatchObject({
      shortPages: 1,
      shortPagesFound: [{ slot: 0, generation: 1, has: true }],
      errors: [],
    });
    expect(columns.scrapes[0]).toBe(report.scrapes);
    run(1000, good);
    expect(loop.takeReport()).toMatchObject({ shortPages: 1, shortPagesFound: [] });
  });

  it('needs to show what the whole page did, and nothing that neither has', () => {
    const { run, columns } = rig();
    expect(run(500, (wire) => wire.answer('vllm:num_requests_running 2\n'))).toMatch(/^fs+$/);
    // What comes later is read at once.
    expect(run(100, (wire) => wire.answer(PAGE + LORA))).toMatch(/^s+$/);
    expect([columns.waiting[0], columns.blockTokens[0]]).toEqual([3, 16]);
  });

  it('that starts anew with less on it is looked at whole, once', () => {
    const { run, loop } = rig();
    run(500, (wire) => wire.answer(PAGE + LORA));
    loop.takeReport();
    expect(run(500, good)).toMatch(/^sfs+$/);
    expect(loop.takeReport()).toMatchObject({ pollErrors: {}, extractErrors: 0, shortPages: 1, shortPagesFound: [] });
  });

  it('that was away is looked at whole when it is back', () => {
    const { run } = rig();
    run(500, good);
    expect(run(500, (wire) => wire.fail('connect'))).toMatch(/^sf+$/);
    expect(run(3000, good)).toMatch(/^fs+$/);
    run(300, (wire) => wire.fail('timeout'));
    expect(run(3000, good)).toMatch(/^fs+$/);
  });

  it('that is ill is asked once more in the scrape that shows it, and not twice each time', () => {
    const { run, loop } = rig();
    run(500, good);
    loop.takeReport();
    expect(run(3000, (wire) => wire.answer('vllm:num_requests_running NaN\n'))).toMatch(/^sf+$/);
    expect(loop.takeReport()).toMatchObject({ scrapes: 0, shortPagesFound: [] });
    expect(run(3000, good)).toMatch(/^fs+$/);
  });

  it('is compared with the whole page every ten minutes', () => {
    const { run } = rig();
    const asked = run(2 * TEN_MINUTES_MS, good);
    expect(asked.match(/f/g)?.length).toBeGreaterThan(1);
    expect(asked.match(/f/g)?.length).toBeLessThanOrEqual(3);
  });
});

describe('an endpoint without a short page', () => {
  it.each<[string, (wire: Wire) => void]>([
    ['an empty one', (wire) => wire.answer('')],
    ['half of one', (wire) => wire.answer(PAGE.slice(0, PAGE.indexOf('vllm:cache')))],
    ['HTML', (wire) => wire.answer('<html>\n')],
    ['404 or a redirect', (wire) => wire.fail('status')],
    ['something encoded', (wire) => wire.fail('malformed')],
  ])('that answers %s is read whole after two tries, without a failure or a gap', (_, reply) => {
    const { run, loop, columns, time } = rig();
    const ages: number[] = [];
    const asked = run(2000, (wire) => {
      butShort(reply)(wire);
      if (columns.scrapes[0] > 0) ages.push(time.nowMs - columns.scrapedAtMs[0]);
      if (columns.scrapes[0] > 0) expect(columns.blockTokens[0]).toBe(16);
    });
    expect(asked).toMatch(/^fsfsff+$/);
    expect(Math.max(...ages)).toBeLessThan(60);
    const report = loop.takeReport();
    expect(report).toMatchObject({ pollErrors: {}, extractErrors: 0, errors: [], shortPages: 0 });
    expect(report.shortPagesFound).toEqual([{ slot: 0, generation: 1, has: false }]);
    expect(run(TEN_MINUTES_MS / 2, butShort(reply))).toMatch(/^f+$/);
    // Tried anew: somebody may have put another server there.
    expect(run(TEN_MINUTES_MS, good)).toMatch(/^f+s+$/);
    expect(loop.takeReport()).toMatchObject({
      shortPages: 1,
      shortPagesFound: [{ slot: 0, generation: 1, has: true }],
    });
  });

  it.each(['connect', 'timeout'] as const)('that ends in %s there costs two failures', (fault) => {
    const { run, loop } = rig();
    expect(
      run(
        3000,
        butShort((wire) => wire.fail(fault)),
      ),
    ).toMatch(/^fsfsff+$/);
    expect(loop.takeReport()).toMatchObject({ pollErrors: { [fault]: 2 }, shortPages: 0 });
  });

  it('that took the place of one with one is found out in two tries', () => {
    const { run, loop } = rig();
    run(500, good);
    expect(
      run(
        1000,
        butShort((wire) => wire.answer('')),
      ),
    ).toMatch(/^sfsff+$/);
    expect(loop.takeReport()).toMatchObject({ pollErrors: {}, extractErrors: 0, shortPages: 0 });
  });
});

it('a short page is never half written', () => {
  const { run, columns } = rig();
  run(40, good);
  run(
    200,
    butShort((wire) => wire.answer('vllm:num_requests_waiting 99\nvllm:num_requests_running 99\n')),
  );
  expect([columns.waiting[0], columns.running[0], columns.kvUsage[0]]).toEqual([3, 4, 0.5]);
});
