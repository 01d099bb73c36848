import { affinityCases } from '../envoy/affinity-cases.ts';
import { embedded } from '../envoy/rig.ts';

affinityCases('embedded gateway', embedded);
