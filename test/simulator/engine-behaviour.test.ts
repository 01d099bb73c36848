import { describe, expect, it } from 'vitest';
import { BLOCK_TOKENS } from '../../src/simulator/engine/prompt.ts';
import { bareEngine, closedLoop, promptOf } from './engine-harness.ts';

describe('prefix cache', () => {
  it('a repeated prompt of 640 tokens hits 624: one token at least is computed', () => {
    const rig = bareEngine('8b-h100');
    rig.submit(promptOf(1, 640), 8);
    rig.timeline.run();
    const repeat = rig.submit(promptOf(1, 640), 8);
    rig.timeline.run();
    expect(repeat.cachedTokens).toBe(624);
    expect(rig.engine.stats.prefixHits).toBe(624);
    expect(rig.engine.stats.prefixQueries).toBe(1280);
  });

  it.each([
    { tokens: 640, cached: 624 },
    { tokens: 641, cached: 640 },
    { tokens: 16, cached: 0 },
    { tokens: 17, cached: 16 },
  ])('a repeat of $tokens tokens hits $cached', ({ tokens, cached }) => {
    const rig = bareEngine('8b-h100');
    rig.submit(promptOf(1, tokens), 1);
    rig.timeline.run();
    const repeat = rig.submit(promptOf(1, tokens), 1);
    rig.timeline.run();
    expect(repeat.cachedTokens).toBe(cached);
  });

  it('blocks can be hit once a step computed them, not at arrival', () => {
    const rig = bareEngine('8b-h100');
    const together = [rig.submit(promptOf(1, 1000), 50), rig.submit(promptOf(1, 1000), 50)];
    let later = together[0];
    rig.timeline.at(100, () => (later = rig.submit(promptOf(1, 1000), 50)));
    rig.timeline.run();
    expect(together.map(({ cachedTokens }) => cachedTokens)).toEqual([0, 0]);
    expect(later?.cachedTokens).toBe(992);
  });

  it('blocks of a prompt still being computed in chunks can be hit', () => {
    const rig = bareEngine('8b-h100', { maxBatchedTokens: 256 });
    rig.submit(promptOf(1, 2000), 4);
    let later = rig.submit(promptOf(2, 10), 1);
    rig.timeline.at(20, () => (later = rig.submit(promptOf(1, 2000), 4)));
    rig.timeline.run();
    expect(later.cachedTokens).toBeGreaterThan(0);
    expect(later.cachedTokens).toBeLessThan(1984);
  });

  it('a shared prefix costs first-token time only once', () => {
    const rig = bareEngine('8b-h100');
    const times: number[] = [];
    const ask = (left: number): void => {
      const sequence = rig.submit(promptOf(1, 8000), 2, () => {
        times.push(sequence.firstTokenMs - sequence.arrivedMs);
        if (left > 1) ask(left - 1);
      });
    };
    ask(3);
    rig.timeline.run();
    expect(times[0]).toBeGreaterThan(240);
    expect(times[1]).toBeLessThan(10);
    expect(times[2]).toBeLessThan(10);
  });

  it('generated blocks are hit by a prompt that repeats them', () => {
    const rig = bareEngine('8b-h100');
    const first = rig.submit(promptOf(1, 100), 200);
    rig.timeline.run();
    const hashes = [...first.hashes];
    const repeat = rig.submit({ ...first.prompt, tokens: hashes.length * BLOCK_TOKENS + 1, hashes }, 1);
    rig.timeline.run();
    // The last token was made but never computed, so the block it would have filled is not there.
    expect(repeat.cachedTokens).toBe(Math.floor((100 + 199) / BLOCK_TOKENS) * BLOCK_TOKENS);
  });
});

describe('scarce blocks', () => {
  it('preempts, recomputes, and completes every request', () => {
    const rig = bareEngine('8b-h100', { blocks: 100 });
    const order: number[] = [];
    for (let id = 1; id <= 20; id += 1) rig.submit(promptOf(id, 100), 300, () => order.push(id));
    rig.timeline.run();
    const { stats, pool } = rig.engine;
    expect(stats.preemptions).toBeGreaterThan(0);
    expect(stats.promptTokensRecomputed).toBeGreaterThan(0);
    expect(stats.finished.length).toBe(20);
    expect(stats.generationTokens).toBe(20 * 300);
    expect(order).toHaveLength(20);
    expect(order[0]).toBe(1);
    expect(pool.free).toBe(100);
  });

  it('keeps a head that lacks blocks waiting, and everyone behind it', () => {
    const rig = bareEngine('8b-h100', { blocks: 100 });
    const order: string[] = [];
    rig.submit(promptOf(1, 1000), 100, () => order.push('first'));
    rig.submit(promptOf(2, 1000), 10, () => order.push('large'));
    rig.submit(promptOf(3, 20), 10, () => order.push('small'));
    rig.timeline.run(200);
    expect(rig.engine.stats.running).toBe(1);
    expect(rig.engine.stats.waiting).toBe(2);
    rig.timeline.run();
    expect(order[0]).toBe('first');
    expect(rig.engine.stats.preemptions).toBe(0);
  });

  it('takes the largest request the pool holds, and refuses the next larger one', () => {
    const rig = bareEngine('8b-h100', { blocks: 10 });
    expect(() => rig.submit(promptOf(1, 100), 61)).toThrow(RangeError);
    rig.submit(promptOf(1, 100), 60);
    rig.timeline.run();
    expect(rig.engine.stats.finished.length).toBe(1);
  });

  it('completes whatever mix it gets and leaks no block', () => {
    const rig = bareEngine('8b-h100', { blocks: 150, maxNumSeqs: 7, maxBatchedTokens: 130 });
    const requests = Array.from(
      { length: 120 },
      (_, index) => [1 + ((index * 97) % 900), 1 + ((index * 31) % 200)] as const,
    );
    closedLoop(rig, requests, 12);
    expect(rig.engine.stats.finished.length).toBe(120);
    expect(rig.engine.pool.free).toBe(150);
  });
});

describe('limits of a step', () => {
  it('runs at most maxNumSeqs: the 257th of 257 waits', () => {
    const rig = bareEngine('8b-h100', { maxNumSeqs: 256 });
    for (let id = 1; id <= 257; id += 1) rig.submit(promptOf(id, 10), 100);
    rig.timeline.run(100);
    expect(rig.engine.stats.running).toBe(256);
    expect(rig.engine.stats.waiting).toBe(1);
  });

  it('never computes more than maxBatchedTokens, and splits prompts over steps', () => {
    const rig = bareEngine('8b-h100', { maxBatchedTokens: 512 });
    const steps: number[] = [];
    rig.engine.onStep = ({ prefillTokens, decodes }) => steps.push(prefillTokens + decodes);
    for (let id = 1; id <= 5; id += 1) rig.submit(promptOf(id, 700), 20);
    rig.timeline.run();
    expect(Math.max(...steps)).toBe(512);
    expect(steps.slice(0, 6)).toEqual([512, 512, 512, 512, 512, 512]);
  });

  it('a long prompt slows every running output', () => {
    const rig = bareEngine('8b-h100');
    const steps: number[] = [];
    rig.engine.onStep = ({ startMs, endMs }) => steps.push(endMs - startMs);
    rig.submit(promptOf(1, 10), 20);
    rig.timeline.at(50, () => rig.submit(promptOf(2, 8000), 2));
    rig.timeline.run();
    expect(Math.min(...steps)).toBeLessThan(7);
    expect(Math.max(...steps)).toBeGreaterThan(240);
  });
});

describe('clients that leave', () => {
  it('a running sequence frees its blocks at the end of the step', () => {
    const rig = bareEngine('8b-h100');
    const sequence = rig.submit(promptOf(1, 1000), 1000);
    rig.timeline.run(100);
    expect(rig.engine.stats.kvUsage).toBeGreaterThan(0);
    rig.engine.abort(sequence);
    rig.timeline.run();
    const { stats, pool } = rig.engine;
    expect(pool.free).toBe(pool.size);
    expect([stats.running, stats.waiting, stats.kvUsage]).toEqual([0, 0, 0]);
    expect(rig.timeline.nowMs()).toBeLessThan(120);
    expect(stats.finished.length).toBe(0);
    expect(rig.engine.inFlight).toBe(0);
  });

  it('leave from the queue and from the front end too', () => {
    const rig = bareEngine('8b-h100', { maxNumSeqs: 1, requestDelayMs: 5, requestsPerSecond: 100 });
    const sequences = [1, 2, 3, 4].map((id) => rig.submit(promptOf(id, 100), 100));
    rig.timeline.run(30);
    expect(rig.engine.inFlight).toBe(4);
    for (const sequence of sequences.slice(1)) rig.engine.abort(sequence);
    rig.timeline.run();
    expect(rig.engine.stats.finished.length).toBe(1);
    expect(rig.engine.pool.free).toBe(rig.engine.pool.size);
    expect(rig.engine.inFlight).toBe(0);
  });

  it('may leave on their last but one token, or after the end', () => {
    const rig = bareEngine('8b-h100');
    const seen: number[] = [];
    const sequence = rig.engine.submit({
      prompt: promptOf(1, 10),
      maxTokens: 5,
      finishReason: 'length',
      nextToken: () => 1,
      sink: {
        onToken: (token) => {
          seen.push(token);
          if (seen.length === 4) rig.engine.abort(sequence);
        },
      },
    });
    rig.timeline.run();
    rig.engine.abort(sequence);
    expect(seen).toHaveLength(4);
    expect(rig.engine.pool.free).toBe(rig.engine.pool.size);
  });
});

describe('faults of the engine', () => {
  it('a slow one takes so many times as long', () => {
    const time = (factor: number): number => {
      const rig = bareEngine('8b-h100');
      rig.engine.slowDown(factor);
      rig.submit(promptOf(1, 10), 100);
      rig.timeline.run();
      return rig.timeline.nowMs();
    };
    expect(time(5) / time(1)).toBeCloseTo(5, 6);
  });

  it('a stall lengthens one step', () => {
    const rig = bareEngine('8b-h100');
    const steps: number[] = [];
    rig.engine.onStep = ({ startMs, endMs }) => steps.push(endMs - startMs);
    rig.submit(promptOf(1, 10), 20);
    rig.timeline.at(50, () => rig.engine.stall(2000));
    rig.timeline.run();
    expect(steps.filter((ms) => ms > 2000)).toHaveLength(1);
  });

  it('a suspended one stands still and then goes on where it was', () => {
    const rig = bareEngine('8b-h100');
    rig.submit(promptOf(1, 10), 20);
    rig.timeline.run(50);
    const tokens = rig.engine.stats.generationTokens;
    rig.engine.suspend();
    rig.timeline.run(5000);
    expect(rig.engine.stats.generationTokens).toBe(tokens);
    rig.engine.resume();
    rig.timeline.run();
    expect(rig.engine.stats.generationTokens).toBe(20);
    expect(rig.timeline.nowMs()).toBeLessThan(5200);
  });

  it('a request that arrives while it is suspended waits for it', () => {
    const rig = bareEngine('8b-h100');
    rig.engine.suspend();
    rig.submit(promptOf(1, 10), 3);
    rig.timeline.run(1000);
    expect(rig.engine.inFlight).toBe(1);
    rig.engine.resume();
    rig.timeline.run();
    expect(rig.engine.stats.finished.length).toBe(1);
  });
});

it('the front end delays a lone request, and queues a burst', () => {
  const rig = bareEngine('8b-h100', { requestDelayMs: 5, requestsPerSecond: 100 });
  const sequences = Array.from({ length: 11 }, (_, id) => rig.submit(promptOf(id, 16), 1));
  rig.timeline.run();
  expect(sequences[0]?.queuedMs).toBe(5);
  expect(sequences[10]?.queuedMs).toBe(105);
});

it('the output delay comes on top of each token', () => {
  const rig = bareEngine('8b-h100', { outputDelayMs: 0.05 });
  const sequence = rig.submit(promptOf(1, 10), 1);
  rig.timeline.run();
  expect(sequence.firstTokenMs).toBeCloseTo(6.4 + 10 * 0.03 + 0.05, 3);
});
