import {
  type sendUnaryData,
  type Server,
  type ServerUnaryCall,
  type ServerWritableStream,
  status,
} from '@grpc/grpc-js';
import { EXT_PROC_SERVICE } from '../protos/ext-proc.ts';
import {
  decodeHealthCheckRequest,
  decodeHealthListRequest,
  encodeHealthCheckResponse,
  encodeHealthListResponse,
  HEALTH_CHECK_PATH,
  HEALTH_LIST_PATH,
  HEALTH_WATCH_PATH,
  type HealthCheckRequest,
  type HealthCheckResponse,
  type HealthListResponse,
  ServingStatus,
} from '../protos/health.ts';

/** What the health service asks about. */
export interface HealthState {
  /** Endpoints known, parsers fit the pool, plugins ready, not draining, and the leader where one is elected. */
  ready(): boolean;
  /** Whether replicas elect a leader; no when absent. */
  readonly electsLeader?: boolean;
}

const LIVENESS = 'liveness';
const READINESS = 'readiness';
const READY_NAMES: ReadonlySet<string> = new Set(['', READINESS, EXT_PROC_SERVICE]);

/**
 * Adds `grpc.health.v1.Health`: contract `wire-protocol.md` 1.12. `liveness` is SERVING as long as the process answers at
 * all: what it could complain about no restart would mend. Every other name answers for readiness, but with leader
 * election only those that mean it do: a probe with a name of its own would take a standby for broken.
 */
export function addHealthService(server: Server, state: HealthState): void {
  const { electsLeader = false } = state;
  const statusOf = (service: string): ServingStatus => {
    if (service === LIVENESS) return ServingStatus.SERVING;
    if (electsLeader && !READY_NAMES.has(service)) return ServingStatus.SERVICE_UNKNOWN;
    return state.ready() ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  };
  const listed = electsLeader ? [EXT_PROC_SERVICE, LIVENESS, READINESS] : [EXT_PROC_SERVICE];
  server.addService(DEFINITION, {
    Check(call: ServerUnaryCall<HealthCheckRequest, HealthCheckResponse>, done: sendUnaryData<HealthCheckResponse>) {
      done(null, { status: statusOf(call.request.service ?? '') });
    },
    List(_call: ServerUnaryCall<object, HealthListResponse>, done: sendUnaryData<HealthListResponse>) {
      done(null, { statuses: Object.fromEntries(listed.map((name) => [name, { status: statusOf(name) }])) });
    },
    Watch(call: ServerWritableStream<HealthCheckRequest, HealthCheckResponse>) {
      call.emit('error', { code: status.UNIMPLEMENTED, details: 'Watch is not implemented; poll Check' });
    },
  });
}

const DEFINITION = {
  Check: {
    path: HEALTH_CHECK_PATH,
    requestStream: false,
    responseStream: false,
    requestSerialize: unused,
    requestDeserialize: decodeHealthCheckRequest,
    responseSerialize: encodeHealthCheckResponse,
    responseDeserialize: unused,
  },
  List: {
    path: HEALTH_LIST_PATH,
    requestStream: false,
    responseStream: false,
    requestSerialize: unused,
    requestDeserialize: decodeHealthListRequest,
    responseSerialize: encodeHealthListResponse,
    responseDeserialize: unused,
  },
  Watch: {
    path: HEALTH_WATCH_PATH,
    requestStream: false,
    responseStream: true,
    requestSerialize: unused,
    requestDeserialize: decodeHealthCheckRequest,
    responseSerialize: encodeHealthCheckResponse,
    responseDeserialize: unused,
  },
};

/** The client's half of the definition, which a server never calls. */
function unused(): never {
  throw new Error('the health service definition is for servers only');
}
