import { describe, expect, it } from 'vitest';
import { readObjective, readRewrite, sameObject, valuesFor } from './objects.ts';

const metadata = { name: 'o', uid: 'u', resourceVersion: '7', creationTimestamp: '2026-01-02T03:04:05Z' };
const base = { apiVersion: 'llm-d.ai/v1alpha2', metadata };
const pool = { name: 'vllm', group: 'inference.networking.k8s.io' };

describe('objects of the API server', () => {
  it('are objectives with their priority, 0 when they name none', () => {
    const object = {
      ...base,
      kind: 'InferenceObjective',
      spec: { priority: -2, poolRef: pool },
      status: { conditions: [] },
    };
    expect(readObjective(object)).toMatchObject({
      version: 'u/7',
      value: { name: 'o', priority: -2 },
      problem: undefined,
    });
    expect(readObjective({ ...object, spec: { poolRef: { name: 'vllm' } } }).value).toEqual({ name: 'o', priority: 0 });
  });

  it('are rewrites with their age, also with rules that have no targets', () => {
    const rules = [{ matches: [{ model: { value: 'm' } }], targets: [{ modelRewrite: 'n', weight: 1 }] }, {}];
    expect(readRewrite({ ...base, kind: 'InferenceModelRewrite', spec: { poolRef: pool, rules } }).value).toEqual({
      name: 'o',
      createdAtMs: Date.UTC(2026, 0, 2, 3, 4, 5),
      rules: [
        { models: ['m'], targets: [{ model: 'n', weight: 1 }] },
        { models: [], targets: [] },
      ],
    });
  });

  it('are left out, with the field that is wrong, when they cannot be read', () => {
    const object = { ...base, kind: 'InferenceObjective', spec: { priority: 'high', poolRef: pool } };
    const read = readObjective(object);
    expect(read.value).toBeUndefined();
    expect(read.problem).toMatch(/^spec\.priority: /);
    expect(valuesFor([read], pool)).toEqual([]);
  });

  it('count for the pool they name, by name and group', () => {
    const of = (poolRef: object) => readObjective({ ...base, kind: 'InferenceObjective', spec: { poolRef } });
    const own = of(pool);
    const byDefault = of({ name: 'vllm' });
    const others = [of({ name: 'other' }), of({ ...pool, group: 'inference.networking.x-k8s.io' })];
    expect(valuesFor([own, ...others, byDefault], pool)).toHaveLength(2);
  });

  it('change with their version', () => {
    const one = readObjective({ ...base, kind: 'InferenceObjective', spec: { poolRef: pool } });
    expect(sameObject(one, { ...one })).toBe(true);
    expect(sameObject(one, { ...one, version: 'u/8' })).toBe(false);
  });
});
