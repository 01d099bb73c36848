import { finish } from './finish.ts';
import { grpc } from './generated/messages.js';

const { HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse } = grpc.health.v1;

export type HealthCheckRequest = grpc.health.v1.HealthCheckRequest.$Properties;
export type HealthCheckResponse = grpc.health.v1.HealthCheckResponse.$Properties;
export type HealthListResponse = grpc.health.v1.HealthListResponse.$Properties;

/** What a service can say about itself. */
export const ServingStatus = HealthCheckResponse.ServingStatus;
export type ServingStatus = grpc.health.v1.HealthCheckResponse.ServingStatus;

export const HEALTH_SERVICE = 'grpc.health.v1.Health';
export const HEALTH_CHECK_PATH = `/${HEALTH_SERVICE}/Check`;
export const HEALTH_WATCH_PATH = `/${HEALTH_SERVICE}/Watch`;
export const HEALTH_LIST_PATH = `/${HEALTH_SERVICE}/List`;

/** Reads the question of `Check` and `Watch`. Throws an `Error` on malformed bytes, as every decoder here. */
export function decodeHealthCheckRequest(bytes: Uint8Array): HealthCheckRequest {
  return HealthCheckRequest.decode(bytes);
}

export function encodeHealthCheckRequest(message: HealthCheckRequest): Buffer {
  return finish(HealthCheckRequest.encode(message));
}

/** Reads the answer of `Check` and `Watch`. */
export function decodeHealthCheckResponse(bytes: Uint8Array): HealthCheckResponse {
  return HealthCheckResponse.decode(bytes);
}

export function encodeHealthCheckResponse(message: HealthCheckResponse): Buffer {
  return finish(HealthCheckResponse.encode(message));
}

/** Checks that the bytes are a `List` question; it says nothing. */
export function decodeHealthListRequest(bytes: Uint8Array): object {
  return HealthListRequest.decode(bytes);
}

export function encodeHealthListRequest(): Buffer {
  return finish(HealthListRequest.encode({}));
}

/** Reads the statuses of `List` by service name. */
export function decodeHealthListResponse(bytes: Uint8Array): HealthListResponse {
  return HealthListResponse.decode(bytes);
}

export function encodeHealthListResponse(message: HealthListResponse): Buffer {
  return finish(HealthListResponse.encode(message));
}
