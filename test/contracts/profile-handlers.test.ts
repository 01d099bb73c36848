import { describe, expect, it } from 'vitest';
import { ConfigError, FILTERED_OUT, Rejection } from '../../src/core/errors.ts';
import type { PluginDefinition } from '../../src/core/plugin.ts';
import { PLUGINS } from '../../src/plugins/catalog.ts';
import { create, inferenceRequest } from '../kit/plugins.ts';

const handlers = PLUGINS.filter(
  ({ kind }) => kind === 'profile-handler',
) as readonly PluginDefinition<'profile-handler'>[];

describe.each(handlers)('$type keeps the profile handler contract', (definition) => {
  const handler = create(definition);

  it('makes the picks of a profile it ran the primary ones', () => {
    const ran: string[] = [];
    const schedule = handler.schedule(inferenceRequest(), ['default'], (name) => {
      ran.push(name);
      return Uint32Array.of(2, 0);
    });
    if (schedule instanceof Rejection) throw new Error(schedule.message);
    expect(ran).toContain(schedule.primary);
    expect([...(schedule.picks.get(schedule.primary) ?? [])]).toEqual([2, 0]);
  });

  it('hands on the refusal of its primary profile', () => {
    expect(handler.schedule(inferenceRequest(), ['default'], () => FILTERED_OUT)).toBe(FILTERED_OUT);
  });

  it('takes one profile, and refuses at start what it cannot run', () => {
    expect(() => handler.accept(['default'])).not.toThrow();
    expect(() => handler.accept([])).toThrow(ConfigError);
  });
});
