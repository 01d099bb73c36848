import { envoyWith } from './rig.ts';
import { sessionCases } from './session-cases.ts';

sessionCases('Envoy as Istio sets it up', envoyWith());
