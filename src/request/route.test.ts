import { describe, expect, it } from 'vitest';
import { endpointSpec, idlePool } from '../../test/kit/pool.ts';
import type { Schedule } from '../core/schedule.ts';
import { Route } from './route.ts';

/** Ranks 0 and 1 of one pod, rank 0 of another, and an IPv6 pod. */
function ranksOfPods() {
  const pool = idlePool(4);
  pool.replace([
    endpointSpec(0, { address: '10.0.0.1', port: 8000 }),
    endpointSpec(1, { address: '10.0.0.1', port: 8001 }),
    endpointSpec(2, { address: '10.0.0.2', port: 8000 }),
    endpointSpec(3, { address: 'fd00::1', port: 8001 }),
  ]);
  const slotAt = (hostPort: string): number => pool.byHostPort(hostPort)?.slot ?? -1;
  const route = (hostPorts: readonly string[], more: Partial<Schedule> = {}) =>
    new Route({ primary: 'p', picks: new Map([['p', Uint32Array.from(hostPorts, slotAt)]]), ...more }, pool);
  return { pool, route, slotAt };
}

const RANKED = ['10.0.0.1:8001', '10.0.0.2:8000', '10.0.0.1:8000', '[fd00::1]:8001'];

describe('a route', () => {
  it("is told by its endpoints' own addresses", () => {
    const { route } = ranksOfPods();
    expect(route(RANKED).destination).toBe(RANKED.join(','));
  });

  it('is told by another port, each address once', () => {
    const { route } = ranksOfPods();
    expect(route(RANKED, { port: 9000 }).destination).toBe('10.0.0.1:9000,10.0.0.2:9000,[fd00::1]:9000');
  });

  it.each([
    // Without a port an address is what it says, in the list or not.
    [undefined, '10.0.0.1:8000', '10.0.0.1:8000'],
    [undefined, '10.0.0.2:8000', '10.0.0.2:8000'],
    [undefined, '10.0.0.9:8000', undefined],
    // Port 8000 is rank 0's own, but here it stands for the rank that was picked.
    [8000, '10.0.0.1:8000', '10.0.0.1:8001'],
    [8000, '[fd00::1]:8000', '[fd00::1]:8001'],
    // The proxy went outside the list, to an endpoint's own port.
    [8000, '10.0.0.2:8000', '10.0.0.2:8000'],
    [9000, '10.0.0.9:9000', undefined],
  ])('with port %s is served by %s: the endpoint %s', (port, served, endpoint) => {
    const { route } = ranksOfPods();
    const some = route(['10.0.0.1:8001', '10.0.0.1:8000', '[fd00::1]:8001'], { port });
    expect(some.servedBy(served)?.hostPort).toBe(endpoint);
  });

  it('leaves out who has left', () => {
    const { pool, route, slotAt } = ranksOfPods();
    const before = { picked: route(RANKED), helpers: [slotAt('10.0.0.2:8000'), slotAt('10.0.0.1:8000')] };
    expect(before.picked.endpoints).toHaveLength(4);
    const picks = new Map([['p', Uint32Array.of(slotAt('10.0.0.1:8001'))]]);
    pool.replace([endpointSpec(0, { address: '10.0.0.1', port: 8000 })]);
    const after = new Route({ primary: 'p', picks, helpers: before.helpers }, pool);
    expect(after.endpoints).toEqual([]);
    expect(after.helpers.map(({ hostPort }) => hostPort)).toEqual(['10.0.0.1:8000']);
  });

  it('of a profile that did not run has no endpoint', () => {
    const { route } = ranksOfPods();
    expect(route(RANKED, { primary: 'other' }).endpoints).toEqual([]);
  });
});
