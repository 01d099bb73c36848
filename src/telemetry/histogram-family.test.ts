import { Histogram as ReferenceHistogram, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { HistogramFamily } from './histogram-family.ts';

const settings = { name: 'h', help: 'Of sizes.', labelNames: ['a', 'b'], buckets: [0.5, 1, 4] };

function pageOf(family: HistogramFamily): Promise<string> {
  const registry = new Registry();
  registry.registerMetric(family as never);
  return registry.metrics();
}

describe('HistogramFamily', () => {
  it('gives the page the metrics library would', async () => {
    const registry = new Registry();
    const reference = new ReferenceHistogram({ ...settings, registers: [registry] });
    const family = new HistogramFamily(settings);
    const children = [
      { b: '1', a: 'x"y' },
      { a: 'x', b: '2' },
    ];
    const bound = children.map((labels) => ({ ours: family.labels(labels), theirs: reference.labels(labels) }));
    family.labels({ a: 'never', b: 'observed' });
    for (const [i, value] of [4, 0.1, 0.5, 0.50001, 100, -1, 3].entries()) {
      bound[(i + 1) % 2].ours.observe(value);
      bound[(i + 1) % 2].theirs.observe(value);
    }
    expect(await pageOf(family)).toBe(await registry.metrics());
  });

  it('has zeros from the start where there are no labels', async () => {
    const registry = new Registry();
    const reference = new ReferenceHistogram({ ...settings, labelNames: [], registers: [registry] });
    const family = new HistogramFamily({ ...settings, labelNames: [] });
    expect(await pageOf(family)).toBe(await registry.metrics());
    family.labels({}).observe(1);
    reference.observe(1);
    expect(await pageOf(family)).toBe(await registry.metrics());
  });

  it('counts together what is bound twice', async () => {
    const family = new HistogramFamily(settings);
    for (let i = 0; i < 2; i++) family.labels({ a: '1', b: '2' }).observe(2);
    expect(await pageOf(family)).toContain('h_count{a="1",b="2"} 2');
  });

  it('refuses what is not a finite number', () => {
    const bound = new HistogramFamily(settings).labels({ a: '', b: '' });
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) expect(() => bound.observe(value)).toThrow(TypeError);
  });
});
