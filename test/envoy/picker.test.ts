import { gatewayCases } from './gateway-cases.ts';
import { startRealPicker } from './real-picker.ts';
import { envoyWith } from './rig.ts';

for (const secure of [true, false]) {
  gatewayCases(`Envoy as Istio sets it up, ${secure ? 'TLS' : 'cleartext'}`, {
    startPicker: startRealPicker,
    startGateway: envoyWith(),
    secure,
    retriesResets: false,
  });
}
