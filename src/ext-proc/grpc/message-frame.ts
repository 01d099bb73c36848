/** One byte of flags, four of length, big-endian. Source: gRPC over HTTP2, "Length-Prefixed-Message". */
export const MESSAGE_HEAD_BYTES = 5;

/** Writes the head of a message of `length` bytes that is not compressed. */
export function writeMessageHead(bytes: Buffer, length: number): void {
  bytes[0] = 0;
  bytes.writeUInt32BE(length, 1);
}

/** The message with its head. */
export function framed(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(MESSAGE_HEAD_BYTES + message.length);
  writeMessageHead(bytes, message.length);
  bytes.set(message, MESSAGE_HEAD_BYTES);
  return bytes;
}
