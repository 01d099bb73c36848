import { affinityCases } from './affinity-cases.ts';
import { envoyWith } from './rig.ts';

affinityCases('Envoy as Istio sets it up', envoyWith());
