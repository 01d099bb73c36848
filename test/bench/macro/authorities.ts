/** What a hand-written proxy configuration calls the picker. */
export const PLAIN_AUTHORITY = 'epp.default.svc.cluster.local:9002';
/** What Istio's gateways call it; Node's own HTTP/2 would refuse it. */
export const ISTIO_AUTHORITY = 'outbound|9002||epp.default.svc.cluster.local';
