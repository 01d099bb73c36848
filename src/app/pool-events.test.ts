import { describe, expect, it } from 'vitest';
import { manualTimers } from '../../test/kit/clock.ts';
import type { DiscoveryState } from '../discovery/kubernetes/discovery.ts';
import { PoolEvents } from './pool-events.ts';

const NAME = { group: 'inference.networking.k8s.io', namespace: 'llm', name: 'vllm' };
const POOL = { matchLabels: { app: 'vllm' }, ports: [8000], appProtocol: 'http', uid: 'u-1' };
const SERVED: DiscoveryState = { unknown: undefined, pool: POOL, endpoints: 2, outages: [] };
const EMPTY = { ...SERVED, endpoints: 0 };

function rig() {
  const timers = manualTimers();
  const told: string[] = [];
  const events = new PoolEvents({
    pool: NAME,
    timers,
    tell: ({ apiVersion, kind, uid }, { reason, action, note }) =>
      void told.push(`${apiVersion} ${kind} ${uid} ${reason} ${action}: ${note}`),
  });
  return { timers, told, events };
}

const about = 'inference.networking.k8s.io/v1 InferencePool u-1';
const empty = `${about} NoReadyEndpoints Discover: no pod the pool's selector matches is ready: every request is answered with 503`;

describe('events of a pool', () => {
  it('tell of a pool that stays without endpoints, and again while it lasts', () => {
    const { timers, told, events } = rig();
    events.look(EMPTY, undefined);
    timers.advance(4_999);
    events.look(EMPTY, undefined);
    expect(told).toEqual([]);
    timers.advance(1);
    expect(told).toEqual([empty]);
    timers.advance(599_999);
    expect(told.length).toBe(1);
    timers.advance(1);
    expect(told).toEqual([empty, empty]);
    events.look(SERVED, undefined);
    expect(timers.waiting).toBe(0);
  });

  it('do not tell of one that is filled in time, is not there, or is not known yet', () => {
    const { timers, told, events } = rig();
    for (const state of [SERVED, { ...EMPTY, pool: undefined }, { ...EMPTY, unknown: 'pods were not listed yet' }]) {
      events.look(EMPTY, undefined);
      timers.advance(4_000);
      events.look(state, undefined);
      timers.advance(60_000);
    }
    expect(told).toEqual([]);
  });

  it('tell of a parser that does not fit at once, but not without a pool', () => {
    const { told, events, timers } = rig();
    events.look({ ...SERVED, pool: undefined }, 'no fit');
    expect(told).toEqual([]);
    events.look(SERVED, 'no fit');
    events.look(SERVED, 'no fit');
    expect(told).toEqual([`${about} ProtocolMismatch CheckProtocol: no fit`]);
    events.look(SERVED, undefined);
    events.look(SERVED, 'no fit');
    expect(told.length).toBe(2);
    events.close();
    expect(timers.waiting).toBe(0);
  });

  it('tell of a refused configuration once the pool is known', () => {
    const { told, events } = rig();
    events.refused(['a', 'b']);
    events.look(SERVED, undefined);
    events.refused(['a', 'b']);
    expect(told).toEqual([`${about} ConfigurationRefused Reload: a; b`]);
  });
});
