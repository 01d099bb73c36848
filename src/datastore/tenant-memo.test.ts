import { describe, expect, it } from 'vitest';
import { endpointSpec, idlePool } from '../../test/kit/pool.ts';
import { TenantMemo } from './tenant-memo.ts';

describe('TenantMemo', () => {
  it('works a fact out once for each tenant of a slot', () => {
    const pool = idlePool(2);
    const asked: string[] = [];
    const memo = new TenantMemo(pool, ({ name }) => {
      asked.push(name);
      return name.length;
    });
    expect([memo.at(0), memo.at(0), memo.at(1)]).toEqual([6, 6, 6]);
    expect(asked).toEqual(['vllm-0', 'vllm-1']);
  });

  it('knows nothing of an empty slot', () => {
    const memo = new TenantMemo(idlePool(1), ({ name }) => name);
    expect(memo.at(1)).toBeUndefined();
    expect(memo.at(9999)).toBeUndefined();
  });

  it('does not take a new tenant for the one before, told of the change or not', () => {
    const pool = idlePool(1);
    const memo = new TenantMemo(pool, ({ labels }) => labels.role);
    const relabel = (role: string, told: boolean): void => {
      pool.replace([]);
      if (told) memo.forget(0);
      // Freed slots rest, so the same slot comes back only after many others.
      while (pool.at(0) === undefined) {
        pool.replace([endpointSpec(0, { labels: { role } })]);
        if (pool.at(0) === undefined) pool.replace([]);
      }
    };
    expect(memo.at(0)).toBeUndefined();
    relabel('decode', true);
    expect(memo.at(0)).toBe('decode');
    relabel('prefill', false);
    expect(memo.at(0)).toBe('prefill');
  });

  it('forgets slots it never heard of, and remembers high ones', () => {
    const pool = idlePool(300);
    const memo = new TenantMemo(pool, ({ name }) => name);
    expect(() => memo.forget(299)).not.toThrow();
    expect(memo.at(299)).toBe('vllm-299');
    expect(memo.at(0)).toBe('vllm-0');
    memo.forget(299);
    expect(memo.at(299)).toBe('vllm-299');
  });
});
