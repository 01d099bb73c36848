import { gatewayCases } from '../../test/envoy/gateway-cases.ts';
import { startPlainPicker } from '../../test/envoy/plain-picker.ts';
import { embedded } from '../../test/envoy/rig.ts';

for (const secure of [true, false]) {
  gatewayCases(`the embedded gateway, ${secure ? 'TLS' : 'cleartext'}`, {
    startPicker: (ports, tls) => startPlainPicker({ ports, secure: tls }),
    startGateway: embedded,
    secure,
    retriesResets: true,
  });
}
