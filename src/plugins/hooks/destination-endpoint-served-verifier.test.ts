import { describe, expect, it } from 'vitest';
import { NO_EDITS } from '../../../test/kit/edits.ts';
import { create, inferenceRequest } from '../../../test/kit/plugins.ts';
import { endpointAt, idlePool } from '../../../test/kit/pool.ts';
import { NO_HEADERS } from '../../core/headers.ts';
import { destinationEndpointServedVerifier } from './destination-endpoint-served-verifier.ts';

/** Contract 3.6, destination-endpoint-served-verifier. */
describe('destination-endpoint-served-verifier', () => {
  it.each([
    ['10.0.0.9:8000', '10.0.0.9:8000'],
    [undefined, 'fail: missing destination endpoint served metadata'],
  ])('writes what the proxy says of who served: %j', (served, expected) => {
    const plugin = create(destinationEndpointServedVerifier);
    const schedule = { primary: 'p', picks: new Map([['p', Uint32Array.of(0)]]) };
    const follower = plugin.onPicked?.(inferenceRequest(), schedule, NO_EDITS);
    const written: string[][] = [];
    const edits = { ...NO_EDITS, set: (...header: string[]) => void written.push(header) };
    follower?.onResponse?.({ headers: NO_HEADERS, served, endpoint: endpointAt(idlePool(1), 0) }, edits);
    expect(written).toEqual([['x-conformance-test-served-endpoint', expected]]);
  });
});
