import { status } from '@grpc/grpc-js';
import { decompressorOf, type Decompress } from './compression.ts';
import { GrpcFault } from './fault.ts';
import { MESSAGE_HEAD_BYTES } from './message-frame.ts';

/** What a reader is told. */
export interface MessageReaderOptions {
  /** Longest message taken, in bytes, compressed or not. */
  readonly maxBytes: number;
  /** The call's `grpc-encoding`; identity when undefined. */
  readonly encoding: string | undefined;
  /** Takes the next message: a view of the bytes pushed where the message came in one piece. */
  readonly onMessage: (message: Buffer) => void;
}

/** Finds the messages in the bytes of a call, wherever they are cut. */
export class MessageReader {
  readonly #options: MessageReaderOptions;
  #decompress: Decompress | undefined;
  /** The start of a message whose end has not come, in order. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** How long `#held` must get before there is something to do. */
  #neededBytes = MESSAGE_HEAD_BYTES;

  constructor(options: MessageReaderOptions) {
    this.#options = options;
  }

  /** Takes the next bytes. Throws `GrpcFault` for a message that is too long or cannot be decompressed. */
  push(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#heldBytes > 0) {
      this.#hold(chunk);
      if (this.#heldBytes < this.#neededBytes) return;
      bytes = Buffer.concat(this.#held, this.#heldBytes);
      this.#held = [];
      this.#heldBytes = 0;
    }
    const rest = this.#readAll(bytes);
    if (rest < bytes.length) this.#hold(bytes.subarray(rest));
  }

  #hold(bytes: Buffer): void {
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
  }

  /** Hands over every whole message; returns where the first incomplete one begins. */
  #readAll(bytes: Buffer): number {
    const { maxBytes, onMessage } = this.#options;
    let at = 0;
    for (;;) {
      const start = at + MESSAGE_HEAD_BYTES;
      if (start > bytes.length) break;
      const length = bytes.readUInt32BE(at + 1);
      if (length > maxBytes) {
        throw new GrpcFault(status.RESOURCE_EXHAUSTED, `Received message larger than max (${length} vs ${maxBytes})`);
      }
      const end = start + length;
      if (end > bytes.length) {
        this.#neededBytes = end - at;
        return at;
      }
      const message = bytes.subarray(start, end);
      onMessage(bytes[at] === 0 ? message : this.#decompressed(message));
      at = end;
    }
    this.#neededBytes = MESSAGE_HEAD_BYTES;
    return at;
  }

  #decompressed(message: Buffer): Buffer {
    this.#decompress ??= decompressorOf(this.#options.encoding);
    return this.#decompress(message, this.#options.maxBytes);
  }
}
