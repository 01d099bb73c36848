import { expect, it } from 'vitest';
import { endingOf } from './ending.ts';

const UPSTREAM = 'upstream connect error or disconnect/reset before headers. reset reason: ';

it.each([
  [true, 200, 'data: [DONE]', 5, 'answered'],
  // Broke off after the headers: k6 shows no status, but time spent receiving.
  [false, 0, null, 5, 'cut off'],
  [false, 200, 'data: {}', 5, 'cut off'],
  [false, 502, `${UPSTREAM}protocol error`, 0.1, 'cut off'],
  [false, 0, null, 0, 'failed'],
  [false, 503, `${UPSTREAM}connection termination`, 0.1, 'failed'],
  [false, 502, `${UPSTREAM}connection failure`, 0.1, 'failed'],
  [false, 500, '', 0.1, 'failed'],
] as const)('whole: %s, status %i, %j, receiving %d ms: %s', (fine, status, body, receiving, ending) => {
  expect(endingOf({ status, body, timings: { receiving } }, fine)).toBe(ending);
});
