import type { Writer } from 'protobufjs/minimal.js';

/** The bytes a writer holds, as the `Buffer` that gRPC wants; on Node a writer's bytes are one already. */
export function finish(writer: Writer): Buffer {
  const bytes = writer.finish();
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
