import { describe, expect, it } from 'vitest';
import { recordedEdits } from '../../../test/kit/edits.ts';
import { create, inferenceRequest, pluginContext } from '../../../test/kit/plugins.ts';
import { endpointSpec, idlePool } from '../../../test/kit/pool.ts';
import { Rejection } from '../../core/errors.ts';
import type { RankDepth } from '../../core/kinds.ts';
import { dataParallelProfileHandler } from './data-parallel.ts';

/** What becomes of a pick of slots 1 and 0: ranks 1 and 0 of a pod. */
function handled(parameters: object, address = '10.0.0.1') {
  const endpoints = idlePool(2);
  endpoints.replace([endpointSpec(0, { address, port: 8000 }), endpointSpec(1, { address, port: 8001 })]);
  const [rank0, rank1] = endpoints.all;
  const handler = create(dataParallelProfileHandler, parameters, pluginContext({ endpoints }));
  const depths: (RankDepth | undefined)[] = [];
  const schedule = handler.schedule(inferenceRequest(), ['decode'], (_name, depth) => {
    depths.push(depth);
    return Uint32Array.of(rank1, rank0);
  });
  if (schedule instanceof Rejection) throw new Error(schedule.message);
  const { edits, headers } = recordedEdits();
  handler.onPicked?.(inferenceRequest(), schedule, edits);
  return { port: schedule.port, headers, depths };
}

// Contract 3.2, data-parallel-profile-handler, and wire-protocol.md 10.1.
describe('data-parallel-profile-handler', () => {
  it.each([
    [{}, 8000],
    [{ primaryPort: 1 }, 1],
    [{ primaryPort: 65_535 }, 65_535],
  ])(
    'with %j tells the proxy port %i and the sidecar the rank, and ranks nobody to fall back to',
    (parameters, port) => {
      expect(handled(parameters)).toEqual({
        port,
        headers: { 'x-data-parallel-host-port': '10.0.0.1:8001' },
        depths: ['picker'],
      });
    },
  );

  it('puts an IPv6 address in brackets', () => {
    expect(handled({}, 'fd00::1').headers).toEqual({ 'x-data-parallel-host-port': '[fd00::1]:8001' });
  });

  it('leaves ports as they are with primaryPort 0, where the reference sends port 0', () => {
    expect(handled({ primaryPort: 0 })).toEqual({ port: undefined, headers: {}, depths: ['fallbacks'] });
  });

  it.each([-1, 65_536, 80.5])('refuses primaryPort %s', (primaryPort) => {
    expect(() => create(dataParallelProfileHandler, { primaryPort })).toThrow();
  });

  it('runs one profile and no other number', () => {
    const handler = create(dataParallelProfileHandler);
    expect(() => handler.accept(['decode'])).not.toThrow();
    expect(() => handler.accept(['decode', 'prefill'])).toThrow(
      'runs one scheduling profile: found 2 (decode, prefill)',
    );
  });
});
