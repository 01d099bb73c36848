import { describe, expect, it } from 'vitest';
import { create, inferenceRequest } from '../../../test/kit/plugins.ts';
import { NO_HEADERS } from '../../core/headers.ts';
import { FILTERED_OUT, Rejection, reject } from '../../core/errors.ts';
import { headerProfileHandler } from './header-profile.ts';

const PROFILES = ['prefill', 'decode', 'encode'];
const UNKNOWN = reject('ResourceExhausted', 'no such profile');

/** The profile that runs for the headers, or how the request is refused. */
function runs(headers: Record<string, string>, parameters: object = {}, profiles: readonly string[] = PROFILES) {
  const handler = create(headerProfileHandler, parameters);
  const request = inferenceRequest({ headers: { get: (name) => headers[name] } });
  const schedule = handler.schedule(request, profiles, (name) =>
    profiles.includes(name) ? Uint32Array.of(1, 0) : UNKNOWN,
  );
  if (schedule instanceof Rejection) return schedule;
  expect([...schedule.picks]).toEqual([[schedule.primary, Uint32Array.of(1, 0)]]);
  return schedule.primary;
}

// Contract 3.2, header-profile-handler.
describe('header-profile-handler', () => {
  it.each([
    ['encode', { 'epp-profile': 'encode' }, {}],
    ['prefill', { 'epp-profile': ' prefill ' }, {}],
    ['decode', {}, {}],
    ['decode', { 'epp-profile': ' ' }, {}],
    ['encode', {}, { defaultProfile: 'encode' }],
    ['decode', {}, { defaultProfile: '' }],
    ['prefill', { 'x-stage': 'prefill', 'epp-profile': 'encode' }, { headerName: 'X-Stage' }],
    ['encode', { 'epp-profile': 'encode' }, { headerName: ' ' }],
  ])('runs %s for the headers %j with %j', (profile, headers, parameters) => {
    expect(runs(headers, parameters)).toBe(profile);
  });

  it.each([
    [{ 'epp-profile': 'Decode' }, {}],
    [{ 'epp-profile': 'decode,prefill' }, {}],
    [{}, { defaultProfile: 'main' }],
  ])('hands on the refusal of a profile nobody has: %j with %j', (headers, parameters) => {
    expect(runs(headers, parameters)).toBe(UNKNOWN);
  });

  it('runs an only profile whatever the header says', () => {
    expect(runs({ 'epp-profile': 'encode' }, {}, ['main'])).toBe('main');
    expect(runs({}, {}, ['main'])).toBe('main');
  });

  it('hands on the refusal of the profile that ran', () => {
    const handler = create(headerProfileHandler);
    const request = inferenceRequest({ headers: NO_HEADERS });
    expect(handler.schedule(request, PROFILES, () => FILTERED_OUT)).toBe(FILTERED_OUT);
  });
});
