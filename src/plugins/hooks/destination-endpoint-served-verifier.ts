import * as v from 'valibot';
import type { Follower } from '../../core/hooks.ts';
import { definePlugin } from '../../core/plugin.ts';

const HEADER = 'x-conformance-test-served-endpoint';
const MISSING = 'fail: missing destination endpoint served metadata';

/**
 * Tells the client which endpoint the proxy says has served it: metadata `envoy.lb`, key
 * `x-gateway-destination-endpoint-served`. Source: conformance suite of the Gateway API Inference Extension.
 */
export const destinationEndpointServedVerifier = definePlugin({
  kind: 'hook',
  type: 'destination-endpoint-served-verifier',
  stability: 'beta',
  summary: 'Writes the endpoint that served into a response header, for conformance tests.',
  config: v.strictObject({}),
  create() {
    const follower: Follower = { onResponse: ({ served }, edits) => edits.set(HEADER, served ?? MISSING) };
    return { onPicked: () => follower };
  },
});
