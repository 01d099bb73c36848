import { describe, expect, it } from 'vitest';
import { seededRandom } from '../lib/random.ts';
import { type PlannedRequest, planTraffic } from './traffic.ts';

const plan = (seed: number): PlannedRequest[] => [
  ...planTraffic({ random: seededRandom(seed), model: 'm', ratePerSecond: 50, durationMs: 20_000 }),
];

interface Body {
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly max_tokens: number;
}

const bodyOf = ({ body }: PlannedRequest): Body => JSON.parse(body) as Body;

describe('the traffic of the demo', () => {
  it('is the same for the same seed and another for another', () => {
    expect(plan(7)).toEqual(plan(7));
    expect(plan(7)).not.toEqual(plan(8));
  });

  it('arrives in order, at about the rate, within the time', () => {
    const times = plan(1).map(({ atMs }) => atMs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times.at(-1)).toBeLessThan(20_000);
    // 1,000 expected; five standard deviations of a Poisson count are 158.
    expect(Math.abs(times.length - 1000)).toBeLessThan(158);
  });

  it('has tenants that share a long prompt, walk-ins that do not, streams and whole answers', () => {
    const requests = plan(1);
    const prompts = new Map<string, Set<string>>();
    for (const request of requests) {
      const [first] = bodyOf(request).messages;
      prompts.set(request.tenant, (prompts.get(request.tenant) ?? new Set()).add(first.content));
      expect(first.role).toBe(request.tenant === 'walk-in' ? 'user' : 'system');
    }
    const walkIns = prompts.get('walk-in');
    prompts.delete('walk-in');
    expect(walkIns?.size).toBeGreaterThan(100);
    expect(prompts.size).toBe(6);
    for (const [system, ...others] of prompts.values()) {
      expect(others).toEqual([]);
      expect(system.length).toBeGreaterThanOrEqual(2_000);
      expect(system.length).toBeLessThan(8_500);
    }
    expect(new Set(requests.map(({ stream }) => stream))).toEqual(new Set([true, false]));
  });

  it('keeps conversations going, within bounds', () => {
    const bodies = plan(1).map(bodyOf);
    const turns = bodies.map(({ messages }) => messages.filter(({ role }) => role === 'user').length);
    expect(Math.max(...turns)).toBe(6);
    expect(Math.min(...bodies.map((body) => body.max_tokens))).toBeGreaterThanOrEqual(16);
    expect(Math.max(...bodies.map((body) => body.max_tokens))).toBeLessThanOrEqual(128);
    // Well under what Envoy keeps for a retry.
    expect(Math.max(...plan(1).map(({ body }) => body.length))).toBeLessThan(100_000);
  });
});
