import { describe, expect, it } from 'vitest';
import { create, inferenceRequest } from '../../../test/kit/plugins.ts';
import { picksOf, runStages } from '../../../test/kit/stages.ts';
import { ConfigError, FILTERED_OUT } from '../../core/errors.ts';
import { disaggProfileHandler } from './disagg.ts';

const ALL = { encode: [3, 0], prefill: [1, 0], decode: [2, 0] };
const BOTH = { deciders: { prefill: 'p', encode: 'e' } };
const run = (options: Partial<Parameters<typeof runStages>[1]>) =>
  runStages(disaggProfileHandler, { parameters: BOTH, picks: ALL, deciders: { p: true, e: true }, ...options });

// Contract 3.2, disagg-profile-handler.
describe('disagg-profile-handler, decode first', () => {
  it('runs decode, then encode and prefill where the deciders say so, with the decode endpoint before them', () => {
    const all = run({});
    expect(all.ran).toEqual(['decode fallbacks', 'encode picker', 'prefill picker near 2']);
    expect(all.asked).toEqual(['e asked about 2', 'p asked about 2']);
    expect(all.result).toMatchObject({ primary: 'decode', helpers: [1, 3, 0] });
    expect(picksOf(all)).toEqual(ALL);
    expect(all.headers).toEqual({
      'x-prefiller-host-port': '10.0.0.2:8000',
      'x-encoder-hosts-ports': '10.0.0.4:8000,10.0.0.1:8000',
    });
  });

  it.each([
    [false, false, 'decode-only', undefined],
    [true, false, 'prefill-decode', [1]],
    [false, true, 'encode-decode', [3, 0]],
    [true, true, 'encode-prefill-decode', [1, 3, 0]],
  ])('with prefill %s and encode %s it is %s', (p, e, decision, helpers) => {
    const { headers, counted, result } = run({ deciders: { p, e } });
    expect(counted).toEqual([`disagg m ${decision}`]);
    expect(Object.keys(headers)).toEqual([
      ...(p ? ['x-prefiller-host-port'] : []),
      ...(e ? ['x-encoder-hosts-ports'] : []),
    ]);
    expect(result).toMatchObject({ helpers });
  });

  it('counts the model the server is asked for', () => {
    expect(run({ request: inferenceRequest({ model: 'a', targetModel: 'b' }) }).counted).toEqual([
      'disagg b encode-prefill-decode',
    ]);
  });

  it.each([
    ['no deciders', {}, ALL],
    ['no profiles besides decode', BOTH, { decode: [2, 0] }],
    ['deciders that are empty names', { deciders: { prefill: '', encode: '' } }, ALL],
  ])('with %s nobody is asked and decode does it all', (_what, parameters, picks) => {
    const { ran, asked, counted } = run({ parameters, picks });
    expect([ran, asked, counted]).toEqual([['decode fallbacks'], [], ['disagg m decode-only']]);
  });

  it('stops where decode finds nobody, and counts nothing', () => {
    const { ran, asked, counted, result } = run({ picks: { ...ALL, decode: [] } });
    expect(result).toBe(FILTERED_OUT);
    expect([ran, asked, counted]).toEqual([['decode fallbacks'], [], []]);
  });

  it.each([
    ['prefill', { 'x-encoder-hosts-ports': '10.0.0.4:8000,10.0.0.1:8000' }, 'encode-decode', [3, 0]],
    ['encode', { 'x-prefiller-host-port': '10.0.0.2:8000' }, 'prefill-decode', [1]],
  ])('goes on without %s when nobody will do for it', (stage, headers, decision, helpers) => {
    const without = run({ picks: { ...ALL, [stage]: [] } });
    expect(without.headers).toEqual(headers);
    expect(without.result).toMatchObject({ primary: 'decode', helpers });
    expect(without.counted).toEqual([`failed ${stage}`, `disagg m ${decision}`]);
    expect(without.debug).toEqual([
      `the request goes on without ${stage}: profile '${stage}': no endpoints available for the given request`,
    ]);
    expect(Object.keys(picksOf(without))).not.toContain(stage);
  });

  it('runs profiles under other names', () => {
    const parameters = { profiles: { decode: 'd', prefill: 'p1', encode: 'e1' }, ...BOTH };
    const { ran, headers } = run({ parameters, picks: { p1: [1], d: [2], e1: [3] } });
    expect(ran).toEqual(['d fallbacks', 'e1 picker', 'p1 picker near 2']);
    expect(headers).toEqual({ 'x-prefiller-host-port': '10.0.0.2:8000', 'x-encoder-hosts-ports': '10.0.0.4:8000' });
  });
});

describe('disagg-profile-handler, prefill first', () => {
  const parameters = { stageOrder: 'prefill-first', deciders: { encode: 'e' } };

  it('always runs prefill, encode by its decider, and decode with the prefill endpoint before it', () => {
    const { ran, asked, counted, headers, result } = run({ parameters });
    expect(ran).toEqual(['prefill picker', 'encode picker', 'decode fallbacks near 1']);
    expect(asked).toEqual(['e asked about nobody']);
    expect(counted).toEqual(['disagg m encode-prefill-decode']);
    expect(headers['x-prefiller-host-port']).toBe('10.0.0.2:8000');
    expect(result).toMatchObject({ primary: 'decode', helpers: [1, 3, 0] });
  });

  it('needs no decider at all', () => {
    const { ran } = run({ parameters: { stageOrder: 'prefill-first' } });
    expect(ran).toEqual(['prefill picker', 'decode fallbacks near 1']);
  });

  it('goes on without prefill when there is no such profile or nobody in it', () => {
    const absent = run({ parameters, picks: { decode: [2], encode: [3] }, deciders: { e: false } });
    expect([absent.ran, absent.counted]).toEqual([['decode fallbacks'], ['disagg m decode-only']]);
    const empty = run({ parameters, picks: { ...ALL, prefill: [] }, deciders: { e: false } });
    expect([empty.ran, empty.headers]).toEqual([['prefill picker', 'decode fallbacks'], {}]);
    expect(empty.counted).toEqual(['failed prefill', 'disagg m decode-only']);
  });

  it('is refused when decode finds nobody', () => {
    const { result, counted } = run({ parameters, picks: { ...ALL, decode: [] } });
    expect([result, counted]).toEqual([FILTERED_OUT, []]);
  });
});

describe('the parameters of disagg-profile-handler', () => {
  const needs = (parameters: object) =>
    (disaggProfileHandler.needs?.({ stageOrder: 'decode-first', ...parameters }) ?? []).map(
      ({ kind, name, at }) => `${kind} ${name} ${at.join('.')}`,
    );

  it.each([
    [{}, []],
    [BOTH, ['decider p deciders.prefill', 'decider e deciders.encode']],
    [{ deciderPluginName: 'a' }, ['decider a deciderPluginName']],
    [{ deciderPluginName: 'a', prefillDeciderPluginName: 'b' }, ['decider b prefillDeciderPluginName']],
    [{ encodeDeciderPluginName: 'c' }, ['decider c encodeDeciderPluginName']],
  ])('%j need %j', (parameters, expected) => {
    expect(needs(parameters)).toEqual(expected);
  });

  it('may be flat, as they once were', () => {
    const parameters = {
      decodeProfile: 'd',
      prefillProfile: 'p1',
      encodeProfile: 'e1',
      prefillDeciderPluginName: 'p',
      encodeDeciderPluginName: 'e',
    };
    const { ran } = run({ parameters, picks: { p1: [1], d: [2], e1: [3] } });
    expect(ran).toEqual(['d fallbacks', 'e1 picker', 'p1 picker near 2']);
  });

  const MIXED = /^cannot mix deprecated flat parameters \(decodeProfile, .*deciderPluginName\) with nested parameters/;
  const DECIDED = 'prefill decider is not supported in prefill-first stage order';
  const ALIKE = 'decode, prefill and encode must be three different profiles';
  it.each([
    [{ deciderPluginName: 'p', deciders: { encode: 'e' } }, MIXED],
    [{ decodeProfile: 'd', profiles: {} }, MIXED],
    [{ stageOrder: 'prefill-first', ...BOTH }, DECIDED],
    [{ stageOrder: 'prefill-first', deciderPluginName: 'p' }, DECIDED],
    [{ profiles: { prefill: 'decode' } }, ALIKE],
    [{ encodeProfile: 'prefill' }, ALIKE],
    [{ stageOrder: 'encode-first' }, /"decode-first" \| "prefill-first"/],
    [{ primaryPort: 8000 }, /primaryPort/],
  ])('%j are refused', (parameters, message) => {
    expect(() => create(disaggProfileHandler, parameters)).toThrow(message);
  });

  it('name a decode profile that is there', () => {
    const accept = (profiles: readonly string[]) => () => create(disaggProfileHandler, {}).accept(profiles);
    expect(accept(['prefill', 'decode'])).not.toThrow();
    expect(accept(['decode'])).not.toThrow();
    expect(accept(['prefill', 'default'])).toThrow(
      new ConfigError("disagg-profile-handler needs a scheduling profile named 'decode', found 'prefill', 'default'"),
    );
    expect(accept([])).toThrow("named 'decode', found none");
  });
});
