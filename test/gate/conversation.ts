import { Capacity } from '../../src/ext-proc/capacity.ts';
import { writeAnswer } from '../../src/ext-proc/grpc/answer-frame.ts';
import type { Answer } from '../../src/ext-proc/response.ts';
import { ExtProcStream, type Wire } from '../../src/ext-proc/stream.ts';
import { decodeProcessingRequest, encodeProcessingRequest, type ProcessingRequest } from '../../src/protos/ext-proc.ts';
import type { Director } from '../../src/request/exchange.ts';

const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** What a picker wrote in a stream. */
export interface Written {
  /** Messages. */
  readonly writes: number;
  /** Of the messages, those that were not encoded at the start. */
  readonly encoded: number;
  readonly bytes: number;
}

/** The bytes of messages, as they come from a gateway. */
export function wireBytes(messages: readonly ProcessingRequest[]): Buffer[] {
  return messages.map((each) => encodeProcessingRequest(each));
}

/** A whole stream, from bytes to bytes, without a socket. Throws when the stream reports a fault or a violation. */
export function converse(director: Director, messages: readonly Buffer[]): Written {
  let writes = 0;
  let encoded = 0;
  let bytes = 0;
  const wire: Wire = {
    send(answer: Answer) {
      writes++;
      if (!Buffer.isBuffer(answer)) encoded++;
      writeAnswer(answer, Number.POSITIVE_INFINITY, (written) => {
        bytes += written.length;
        return true;
      });
    },
    close(violation) {
      if (violation !== undefined) throw new Error(violation);
    },
    bodySent() {},
    report(fault) {
      throw fault;
    },
  };
  const stream = new ExtProcStream({ director, capacity: new Capacity(), maxBodyBytes: MAX_BODY_BYTES }, wire);
  for (const message of messages) stream.receive(decodeProcessingRequest(message));
  stream.halfClose();
  return { writes, encoded, bytes };
}
