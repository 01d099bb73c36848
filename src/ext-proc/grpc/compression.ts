import { gunzipSync, inflateSync } from 'node:zlib';
import { status } from '@grpc/grpc-js';
import { errorMessage } from '../../lib/error-message.ts';
import { GrpcFault } from './fault.ts';

/** For the header that tells clients what they may send. */
export const ACCEPTED_ENCODINGS = 'identity,deflate,gzip';

/** Throws `GrpcFault` for bytes that are not compressed that way, or would be longer than `maxBytes`. */
export type Decompress = (message: Buffer, maxBytes: number) => Buffer;

/**
 * What undoes an encoding. Gateways do not compress between themselves and a picker, so this may hold up other streams
 * for as long as one message takes. Throws `GrpcFault` for an encoding that is not known.
 */
export function decompressorOf(encoding: string | undefined): Decompress {
  switch (encoding) {
    case 'gzip':
      return bounded(gunzipSync);
    case 'deflate':
      return bounded(inflateSync);
    case undefined:
    case 'identity':
      throw new GrpcFault(status.INTERNAL, 'Received a compressed message without grpc-encoding');
    default:
      throw new GrpcFault(status.UNIMPLEMENTED, `Received message compressed with unsupported encoding "${encoding}"`);
  }
}

function bounded(inflate: (message: Buffer, options: { maxOutputLength: number }) => Buffer): Decompress {
  return (message, maxBytes) => {
    try {
      return inflate(message, { maxOutputLength: maxBytes });
    } catch (error) {
      const tooLong = error instanceof RangeError;
      throw tooLong
        ? new GrpcFault(status.RESOURCE_EXHAUSTED, `Received message that decompresses to more than ${maxBytes} bytes`)
        : new GrpcFault(status.INTERNAL, `Failed to decompress message: ${errorMessage(error)}`);
    }
  };
}
