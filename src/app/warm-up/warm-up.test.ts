import { describe, expect, it } from 'vitest';
import { TEST_SETTINGS } from '../../../test/kit/picker.ts';
import { warmUp } from './warm-up.ts';

/** Time that goes on by one millisecond whenever somebody looks. */
function countingClock(): { nowMs(): number } {
  let nowMs = 0;
  return { nowMs: () => nowMs++ };
}

describe('warmUp', () => {
  it('serves requests whole until its time is over', async () => {
    const sent = await warmUp(TEST_SETTINGS, 500, countingClock());
    expect(sent).toBeGreaterThan(64);
    expect(sent).toBeLessThanOrEqual(500);
  });
});
