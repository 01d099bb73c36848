import { describe, expect, it } from 'vitest';
import { endpointSpec, idlePool } from '../../../test/kit/pool.ts';
import { complaint, create, inferenceRequest, pluginContext } from '../../../test/kit/plugins.ts';
import { decodeFilter } from './decode.ts';
import { encodeFilter } from './encode.ts';
import { prefillFilter } from './prefill.ts';

describe.each([decodeFilter, prefillFilter, encodeFilter])('$type', (definition) => {
  it('is told by its family in metrics, as dashboards expect', () => {
    expect(definition.metricType).toBe('by-label');
  });

  it('takes no parameters', () => {
    expect(complaint(definition, {})).toBeUndefined();
    expect(complaint(definition, { label: 'x' })).toBeDefined();
  });
});

describe('a role filter', () => {
  it('looks at labels once for each tenant of a slot', () => {
    let looks = 0;
    const labels = new Proxy(
      { 'llm-d.ai/role': 'decode' },
      { get: (target, name) => (looks++, Reflect.get(target, name)) },
    );
    const pool = idlePool(3, () => ({ labels }));
    const filter = create(decodeFilter, {}, pluginContext({ endpoints: pool }));
    looks = 0;
    for (let i = 0; i < 5; i++) expect(filter.filter(inferenceRequest(), pool.all)).toBe(pool.all);
    expect(looks).toBe(3);
  });

  it('follows an endpoint whose role changes, which makes it another tenant', () => {
    const pool = idlePool(2, () => ({ labels: { 'llm-d.ai/role': 'decode' } }));
    const filter = create(prefillFilter, {}, pluginContext({ endpoints: pool }));
    pool.listen({ added() {}, removed: ({ slot }) => filter.onEndpointRemoved?.(slot) });
    const kept = (): string[] => {
      const left = filter.filter(inferenceRequest(), pool.all);
      return Array.from(left, (slot) => pool.at(slot)?.name ?? '');
    };
    expect(kept()).toEqual([]);
    pool.replace([
      endpointSpec(0, { labels: { 'llm-d.ai/role': 'prefill' } }),
      endpointSpec(1, { labels: { 'llm-d.ai/role': 'decode' } }),
    ]);
    expect(kept()).toEqual(['vllm-0']);
  });
});
