import { embedded } from '../envoy/rig.ts';
import { sessionCases } from '../envoy/session-cases.ts';

sessionCases('embedded gateway', embedded);
