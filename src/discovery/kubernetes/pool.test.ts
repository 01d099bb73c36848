import { expect, it } from 'vitest';
import { readPool, samePool, selectorText } from './pool.ts';

const spec = { selector: { matchLabels: { app: 'vllm' } }, targetPorts: [{ number: 8000 }, { number: 8001 }] };

it('reads what matters of a pool', () => {
  const object = { metadata: { uid: 'u' }, spec: { ...spec, appProtocol: 'http', endpointPickerRef: { name: 'epp' } } };
  const pool = { matchLabels: { app: 'vllm' }, ports: [8000, 8001], appProtocol: 'http', uid: 'u' };
  expect(readPool(object)).toEqual(pool);
  expect(readPool({ spec })).toEqual({ ...pool, appProtocol: '', uid: '' });
});

it.each([
  [undefined],
  [{ ...spec, targetPorts: [] }],
  [{ ...spec, targetPorts: [{ number: 0 }] }],
  [{ ...spec, targetPorts: Array.from({ length: 9 }, (_, i) => ({ number: i + 1 })) }],
  [{ targetPorts: spec.targetPorts }],
])('cannot use %j', (bad) => {
  expect(readPool({ spec: bad })).toBeUndefined();
});

it('sees a change of anything it reads', () => {
  const pool = readPool({ spec });
  expect(samePool(pool, readPool({ spec: { ...spec, other: 1 } }))).toBe(true);
  expect(samePool(pool, readPool({ spec: { ...spec, targetPorts: [{ number: 8001 }, { number: 8000 }] } }))).toBe(
    false,
  );
  expect(samePool(pool, undefined)).toBe(false);
});

it('writes a selector that does not depend on the order of labels', () => {
  expect(selectorText({ b: '2', a: '1', c: '' })).toBe('a=1,b=2,c=');
});
