import { describe, expect, it } from 'vitest';
import { create } from '../../../test/kit/plugins.ts';
import { picksOf, runStages } from '../../../test/kit/stages.ts';
import { FILTERED_OUT } from '../../core/errors.ts';
import { pdProfileHandler } from './pd.ts';

const ALL = { prefill: [1, 0], decode: [2, 0], encode: [3] };
const DECIDER = 'prefix-based-pd-decider';
const run = (options: Partial<Parameters<typeof runStages>[1]>) =>
  runStages(pdProfileHandler, { picks: ALL, deciders: { [DECIDER]: true }, ...options });

// Contract 3.2, pd-profile-handler.
describe('pd-profile-handler', () => {
  it.each([
    [true, ['decode fallbacks', 'prefill picker near 2'], 'prefill-decode', '10.0.0.2:8000'],
    [false, ['decode fallbacks'], 'decode-only', undefined],
  ])('runs decode, and with %s from the decider %j', (answer, ran, decision, prefiller) => {
    const handled = run({ deciders: { [DECIDER]: answer } });
    expect(handled.ran).toEqual(ran);
    expect(handled.asked).toEqual([`${DECIDER} asked about 2`]);
    expect(handled.counted).toEqual([`pd m ${decision}`]);
    expect(handled.headers['x-prefiller-host-port']).toBe(prefiller);
    expect(Object.keys(handled.headers)).not.toContain('x-encoder-hosts-ports');
  });

  it('goes on without prefill when nobody will do, and is refused without decode', () => {
    const without = run({ picks: { ...ALL, prefill: [] } });
    expect(picksOf(without)).toEqual({ decode: [2, 0] });
    expect([without.headers, without.counted]).toEqual([{}, ['failed prefill', 'pd m decode-only']]);
    expect(run({ picks: { ...ALL, decode: [] } }).result).toBe(FILTERED_OUT);
  });

  it('with a primary port also does what data-parallel-profile-handler does', () => {
    const handled = run({ parameters: { primaryPort: 9000 } });
    expect(handled.ran).toEqual(['decode picker', 'prefill picker near 2']);
    expect(handled.result).toMatchObject({ port: 9000 });
    expect(handled.headers).toEqual({
      'x-prefiller-host-port': '10.0.0.2:8000',
      'x-data-parallel-host-port': '10.0.0.3:8000',
    });
    expect(run({}).result).toMatchObject({ port: undefined });
  });

  it('runs profiles and asks a decider under other names', () => {
    const parameters = { decodeProfile: 'd', prefillProfile: 'p', deciderPluginName: 'mine' };
    const { ran, asked } = run({ parameters, picks: { d: [2], p: [1] }, deciders: { mine: true } });
    expect(ran).toEqual(['d fallbacks', 'p picker near 2']);
    expect(asked).toEqual(['mine asked about 2']);
  });

  it.each([
    [{ primaryPort: 65_536 }, 'must be between 0 and 65535'],
    [{ deciderPluginName: '' }, 'must name a decider'],
    [{ prefillProfile: 'decode' }, 'must not be the decode profile'],
  ])('refuses %j', (parameters, message) => {
    expect(() => create(pdProfileHandler, parameters)).toThrow(message);
  });

  it('needs a decode profile', () => {
    expect(() => run({ picks: { prefill: [1] } })).toThrow(
      "needs a scheduling profile named 'decode', found 'prefill'",
    );
  });
});
