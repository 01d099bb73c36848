import { describe, expect, it } from 'vitest';
import type { Exchanged } from './client.ts';
import { DemoStats, percentile } from './stats.ts';

const answered: Exchanged = {
  ending: 'answered',
  status: 200,
  servedBy: 'a',
  stream: true,
  firstByteMs: 10,
  promptTokens: 100,
  cachedTokens: 25,
  detail: '',
};

describe('the sums of the demo', () => {
  it('tell answered, cut off and failed apart', () => {
    const stats = new DemoStats(['a', 'b']);
    stats.add(answered);
    stats.add({
      ...answered,
      ending: 'cut-off',
      servedBy: 'b',
      firstByteMs: Number.NaN,
      promptTokens: 0,
      cachedTokens: 0,
    });
    stats.add({ ...answered, ending: 'failed', status: 503, servedBy: '', firstByteMs: 1, detail: 'status 503' });
    expect(stats.summary()).toMatchObject({
      requests: 3,
      answered: 1,
      cutOff: 1,
      cutOffBeforeFirstToken: 1,
      failed: 1,
    });
    expect(stats.failures.map(({ detail }) => detail)).toEqual(['status 503']);
  });

  it('weigh the hit rate by tokens', () => {
    const stats = new DemoStats([]);
    stats.add(answered);
    stats.add({ ...answered, promptTokens: 300, cachedTokens: 275 });
    expect(stats.summary().prefixHitRate).toBe(0.75);
  });

  it('count a server that served nothing in the spread', () => {
    const stats = new DemoStats(['a', 'b']);
    stats.add(answered);
    stats.add(answered);
    expect(stats.summary().spread).toBe(2);
  });

  it('take the time to the first token of streams that were answered or cut off only', () => {
    const stats = new DemoStats([]);
    for (const firstByteMs of [30, 10, 20]) stats.add({ ...answered, firstByteMs });
    stats.add({ ...answered, stream: false, firstByteMs: 1_000 });
    stats.add({ ...answered, ending: 'failed', firstByteMs: 1 });
    expect(stats.summary().ttftMs).toEqual({ p50: 20, p90: 30, p99: 30 });
  });

  it('are harmless when nothing was sent', () => {
    expect(new DemoStats(['a']).summary()).toMatchObject({ requests: 0, answered: 0, failed: 0, spread: Number.NaN });
  });

  it('percentiles are nearest-rank', () => {
    const values = Array.from({ length: 100 }, (_, index) => index + 1);
    expect([0.5, 0.9, 0.99, 1].map((share) => percentile(values, share))).toEqual([50, 90, 99, 100]);
    expect(percentile([7], 0.5)).toBe(7);
    expect(percentile([], 0.5)).toBeNaN();
  });
});
