import { describe, expect, it } from 'vitest';
import { complaint } from '../../../test/kit/plugins.ts';
import { byLabel } from './by-label.ts';

describe('by-label', () => {
  it.each([
    [{}, 'Invalid key: Expected "label" but received undefined'],
    [{ label: '', validValues: ['a'] }, 'must not be empty'],
    [{ label: 'a' }, 'must list a value, or allowsNoLabel must be true: nothing would be kept'],
    [
      { label: 'a', validValues: [], allowsNoLabel: false },
      'must list a value, or allowsNoLabel must be true: nothing would be kept',
    ],
    [{ label: 'a', allowsNoLabel: true }, undefined],
    [{ label: 'a', validValues: ['b'] }, undefined],
  ])('checks %j', (parameters, message) => {
    expect(complaint(byLabel, parameters)).toBe(message);
  });
});
