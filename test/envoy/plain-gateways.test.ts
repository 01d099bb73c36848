import { RETRY_ON_RESET } from '../../src/gateway/envoy-bootstrap.ts';
import { gatewayCases } from './gateway-cases.ts';
import { startPlainPicker } from './plain-picker.ts';
import { envoyWith } from './rig.ts';

// Envoy with a picker that only counts requests: what is left are the wire and the gateway.
for (const secure of [true, false]) {
  gatewayCases(`Envoy, the plain picker, ${secure ? 'TLS' : 'cleartext'}`, {
    startPicker: (ports, tls) => startPlainPicker({ ports, secure: tls }),
    startGateway: envoyWith(RETRY_ON_RESET),
    secure,
    retriesResets: true,
  });
}
