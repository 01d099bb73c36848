import { describe, expect, it } from 'vitest';
import { endpointAt, endpointSpec, idlePool, scraped } from '../../test/kit/pool.ts';
import { MAX_ENDPOINTS } from './columns.ts';

describe('endpoint table', () => {
  it('keeps slot, signals and books of endpoints that did not change', () => {
    const table = idlePool(2);
    const before = endpointAt(table, 1);
    scraped(table, 1, { waiting: 7 });
    table.books.reserve(before);
    expect(table.replace([endpointSpec(1), endpointSpec(2)])).toEqual({ added: 1, removed: 1, refused: 0 });
    expect(table.at(1)).toBe(before);
    expect(table.signals.waiting[1]).toBe(7);
    expect(table.books.inflight(1)).toBe(1);
  });

  it('takes the same specs again, and lets the last win also among those it knows', () => {
    const table = idlePool(0);
    const specs = [endpointSpec(0), endpointSpec(1)];
    table.replace(specs);
    const before = table.all.map((slot) => endpointAt(table, slot).generation);
    expect(table.replace(specs)).toEqual({ added: 0, removed: 0, refused: 0 });
    expect(table.replace([{ ...specs[0] }, specs[1]])).toEqual({ added: 0, removed: 0, refused: 0 });
    expect(table.all.map((slot) => endpointAt(table, slot).generation)).toEqual(before);
    const other = endpointSpec(0, { port: 9 });
    const portOf = (id: string) => [...table.all].map((slot) => endpointAt(table, slot)).find((e) => e.id === id)?.port;
    table.replace([specs[0], other, specs[1]]);
    expect(portOf('default/vllm-0')).toBe(9);
    table.replace([specs[0], other]);
    table.replace([endpointSpec(0), other]);
    expect(portOf('default/vllm-0')).toBe(9);
    table.replace([endpointSpec(0, { port: 7 }), other]);
    expect([portOf('default/vllm-0'), table.all.length]).toEqual([9, 1]);
    expect(table.replace([specs[1]])).toEqual({ added: 1, removed: 1, refused: 0 });
    expect(table.replace([specs[1]])).toEqual({ added: 0, removed: 0, refused: 0 });
  });

  it('treats a changed spec as another endpoint of the same name', () => {
    const table = idlePool(1);
    const before = endpointAt(table, 0);
    table.replace([endpointSpec(0, { labels: { role: 'decode' } })]);
    const after = endpointAt(table, table.all[0]);
    expect(after.id).toBe(before.id);
    expect(after.generation).not.toBe(before.generation);
    expect(table.signals.waiting[after.slot]).toBeNaN();
  });

  it('replaces the candidate list instead of editing it', () => {
    const table = idlePool(2);
    const held = table.all;
    table.replace([]);
    expect([...held]).toEqual([0, 1]);
    expect(table.all).toHaveLength(0);
  });

  it('lets the last of two specs with one name win', () => {
    const table = idlePool(0);
    table.replace([endpointSpec(0), endpointSpec(0, { port: 9000 })]);
    expect([...table.all].map((slot) => endpointAt(table, slot).port)).toEqual([9000]);
  });

  it('finds endpoints by what the proxy calls them, IPv6 in brackets', () => {
    const table = idlePool(0);
    table.replace([endpointSpec(0, { address: 'fd00::1' }), endpointSpec(1)]);
    expect(table.byHostPort('[fd00::1]:8000')?.name).toBe('vllm-0');
    expect(table.byHostPort('10.0.0.2:8000')?.name).toBe('vllm-1');
    table.replace([]);
    expect(table.byHostPort('10.0.0.2:8000')).toBeUndefined();
  });

  it('finds endpoints by their id, wherever they have settled', () => {
    const table = idlePool(2);
    const before = table.byId('default/vllm-1');
    expect([before?.slot, table.byId('vllm-1'), table.byId('')]).toEqual([1, undefined, undefined]);
    table.replace([]);
    expect(table.byId('default/vllm-1')).toBeUndefined();
    table.replace([endpointSpec(1)]);
    const after = table.byId('default/vllm-1');
    expect(after?.slot).not.toBe(before?.slot);
    expect(after).toBe(endpointAt(table, table.all[0]));
  });

  it('rests freed slots before it reuses them', () => {
    const table = idlePool(0);
    for (let round = 0; round < 200; round++) table.replace([endpointSpec(round)]);
    expect(Math.max(...table.all)).toBeLessThanOrEqual(66);
    expect(table.all).toHaveLength(1);
  });

  it('takes as many endpoints as it has slots and says how many it left out', () => {
    const table = idlePool(0);
    const specs = Array.from({ length: MAX_ENDPOINTS + 1 }, (_, index) => endpointSpec(index));
    expect(table.replace(specs.slice(0, MAX_ENDPOINTS)).refused).toBe(0);
    expect(table.replace(specs).refused).toBe(1);
    expect(table.replace(specs.slice(5)).refused).toBe(0);
    expect(table.all).toHaveLength(MAX_ENDPOINTS - 4);
  });

  it('tells listeners after the change, leavers first', () => {
    const table = idlePool(1);
    const heard: string[] = [];
    table.listen({
      added: (endpoint) => heard.push(`+${endpoint.name} of ${table.all.length}`),
      removed: (endpoint) => heard.push(`-${endpoint.name} of ${table.all.length}`),
    });
    table.replace([endpointSpec(1), endpointSpec(2)]);
    expect(heard).toEqual(['-vllm-0 of 2', '+vllm-1 of 2', '+vllm-2 of 2']);
  });

  it('tells a listener no more once it has stopped listening', () => {
    const table = idlePool(0);
    const heard: string[] = [];
    const stop = table.listen({ added: ({ name }) => heard.push(name), removed() {} });
    table.replace([endpointSpec(0)]);
    stop();
    stop();
    table.replace([endpointSpec(0), endpointSpec(1)]);
    expect(heard).toEqual(['vllm-0']);
  });
});
