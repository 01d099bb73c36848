import type { status } from '@grpc/grpc-js';

/** Why a call cannot go on, as gRPC tells it to the peer. */
export class GrpcFault extends Error {
  readonly code: status;

  constructor(code: status, details: string) {
    super(details);
    this.code = code;
  }
}
