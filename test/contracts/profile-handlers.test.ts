import { describe, expect, it } from 'vitest';
import type { Candidates } from '../../src/core/endpoint.ts';
import { ConfigError, FILTERED_OUT, Rejection } from '../../src/core/errors.ts';
import type { PluginDefinition } from '../../src/core/plugin.ts';
import type { InferenceRequest } from '../../src/core/request.ts';
import { PLUGINS } from '../../src/plugins/catalog.ts';
import { recordedEdits } from '../kit/edits.ts';
import { create, inferenceRequest, pluginContext } from '../kit/plugins.ts';
import { SAMPLE_PARAMETERS } from '../kit/sample-parameters.ts';

const handlers = PLUGINS.filter(
  ({ kind }) => kind === 'profile-handler',
) as readonly PluginDefinition<'profile-handler'>[];

/** Profiles of a handler that runs more than one. */
const PROFILES: Readonly<Record<string, readonly string[]>> = {
  'header-profile-handler': ['prefill', 'decode'],
  'disagg-profile-handler': ['encode', 'prefill', 'decode'],
  'pd-profile-handler': ['prefill', 'decode'],
};

describe.each(handlers)('$type keeps the profile handler contract', (definition) => {
  const profiles = PROFILES[definition.type] ?? ['default'];
  const decider = { decide: () => true };
  const context = pluginContext({ plugin: () => decider as never });
  const handler = create(definition, SAMPLE_PARAMETERS[definition.type], context);

  /** A request through the handler, and what each profile that ran was answered. */
  const schedule = (answer: (profile: string) => Candidates | Rejection, request = inferenceRequest()) => {
    const ran = new Map<string, Candidates | Rejection>();
    const result = handler.schedule(request, profiles, (name) => {
      const picks = answer(name);
      ran.set(name, picks);
      return picks;
    });
    return { result, ran };
  };
  const accepted = (answer: (profile: string) => Candidates | Rejection, request?: InferenceRequest) => {
    const { result, ran } = schedule(answer, request);
    if (result instanceof Rejection) throw new Error(result.message);
    return { result, ran };
  };

  it('makes the picks of a profile it ran the primary ones', () => {
    const { result, ran } = accepted(() => Uint32Array.of(2, 0));
    expect([...ran.keys()]).toContain(result.primary);
    expect([...(result.picks.get(result.primary) ?? [])]).toEqual([2, 0]);
  });

  it('tells of every profile that found somebody what it found, and of no other', () => {
    let next = 0;
    const { result, ran } = accepted(() => Uint32Array.of(next++ % 4));
    expect(new Map(result.picks)).toEqual(ran);
    const { primary } = result;
    const alone = accepted((name) => (name === primary ? Uint32Array.of(1) : FILTERED_OUT));
    expect([...alone.result.picks.keys()]).toEqual([primary]);
    expect(alone.result.helpers ?? []).toEqual([]);
  });

  it('gives work to nobody it did not pick', () => {
    let next = 0;
    const { result } = accepted(() => Uint32Array.of(next++ % 4));
    const picked = new Set([...result.picks.values()].flatMap((slots) => [...slots]));
    expect((result.helpers ?? []).filter((slot) => !picked.has(slot))).toEqual([]);
  });

  it('hands on the refusal of its primary profile', () => {
    const { primary } = accepted(() => Uint32Array.of(0)).result;
    const { result } = schedule((name) => (name === primary ? FILTERED_OUT : Uint32Array.of(0)));
    expect(result).toBe(FILTERED_OUT);
    expect(schedule(() => FILTERED_OUT).result).toBe(FILTERED_OUT);
  });

  it('runs no profile twice, and none that is not there', () => {
    const ran: string[] = [];
    handler.schedule(inferenceRequest(), profiles, (name) => {
      ran.push(name);
      return Uint32Array.of(0);
    });
    expect(new Set(ran).size).toBe(ran.length);
    expect(ran.filter((name) => !profiles.includes(name))).toEqual([]);
  });

  it('takes requests without a body, and says at most what the schedule says', () => {
    const request = inferenceRequest({ body: undefined, model: '', targetModel: '' });
    const { result } = accepted(() => Uint32Array.of(3), request);
    const { edits, headers } = recordedEdits();
    handler.onPicked?.(request, result, edits);
    expect(Object.values(headers).filter((value) => value !== '10.0.0.4:8000')).toEqual([]);
  });

  it('takes its profiles, and refuses at start what it cannot run', () => {
    expect(() => handler.accept(profiles)).not.toThrow();
    expect(() => handler.accept([])).toThrow(ConfigError);
  });
});
