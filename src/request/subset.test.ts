import { describe, expect, it } from 'vitest';
import { endpointSpec, idlePool } from '../../test/kit/pool.ts';
import { narrowToSubset } from './subset.ts';

const pool = idlePool(3);
pool.replace([
  endpointSpec(0),
  endpointSpec(1),
  endpointSpec(1, { name: 'vllm-1b', port: 8001 }),
  endpointSpec(2, { address: 'fd00::2' }),
]);
const names = (subset: readonly string[] | undefined): string[] =>
  [...narrowToSubset(pool, subset)].map((slot) => pool.at(slot)?.name ?? '').sort();

describe('subset', () => {
  it.each([
    [undefined, ['vllm-0', 'vllm-1', 'vllm-1b', 'vllm-2']],
    [[], []],
    [['10.0.0.1:8000'], ['vllm-0']],
    [['10.0.0.2:8001'], ['vllm-1b']],
    [['10.0.0.2'], ['vllm-1', 'vllm-1b']],
    [['[fd00::2]:8000'], ['vllm-2']],
    [['fd00::2'], ['vllm-2']],
    [['[fd00::2]'], ['vllm-2']],
    [['10.0.0.1:9999', '192.168.1.99:8000'], []],
    [
      [' 10.0.0.1:8000 ', '10.0.0.2:8000'],
      ['vllm-0', 'vllm-1'],
    ],
  ])('%j allows %j', (subset, expected) => {
    expect(names(subset)).toEqual(expected);
  });
});
