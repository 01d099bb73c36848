import type { Duplex } from 'node:stream';
import {
  ACK,
  END_STREAM,
  FRAME_HEAD_BYTES,
  frameHead,
  FrameType,
  headerBlocks,
  headersFrame,
  INITIAL_WINDOW_BYTES,
  InitialWindowSetting,
  MAX_FRAME_BYTES,
  opening,
} from './h2-frames.ts';

interface Stream {
  readonly id: number;
  readonly body: Buffer;
  sent: number;
  /** Bytes the peer lets this stream send; below zero when it lowered its setting. */
  window: number;
  received: number;
  readonly done: (receivedBytes: number | undefined) => void;
}

/**
 * A connection that sends whole request bodies as they are and only counts what comes back, so that the load costs a
 * fraction of what it loads. Node's own client takes as much CPU as the picker.
 */
export class H2Connection {
  readonly #socket: Duplex;
  readonly #blocks: { readonly first: Buffer; readonly later: Buffer };
  readonly #streams = new Map<number, Stream>();
  #window = INITIAL_WINDOW_BYTES;
  #streamWindow = INITIAL_WINDOW_BYTES;
  #nextId = 1;
  /** The beginning of a frame whose rest has not come. */
  #rest: Buffer = Buffer.alloc(0);
  /** Bytes still to come of a payload nobody reads. */
  #skip = 0;

  /** `onEnd` hears once that nothing more will come, whoever closed. */
  constructor(socket: Duplex, target: { readonly path: string; readonly authority: string }, onEnd: () => void) {
    this.#socket = socket;
    this.#blocks = headerBlocks(target.path, target.authority);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      for (const stream of this.#streams.values()) stream.done(undefined);
      this.#streams.clear();
      onEnd();
    });
    socket.write(opening());
  }

  /** Sends a request; `done` hears how many bytes of answer came, or undefined when the stream broke. */
  open(body: Buffer, done: Stream['done']): void {
    const id = this.#nextId;
    this.#nextId += 2;
    const stream: Stream = { id, body, sent: 0, window: this.#streamWindow, received: 0, done };
    this.#streams.set(id, stream);
    this.#socket.cork();
    this.#socket.write(headersFrame(id === 1 ? this.#blocks.first : this.#blocks.later, id));
    this.#send(stream);
    this.#socket.uncork();
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(stream: Stream): void {
    while (stream.sent < stream.body.length) {
      const room = Math.min(MAX_FRAME_BYTES, this.#window, stream.window);
      if (room <= 0) return;
      const piece = stream.body.subarray(stream.sent, stream.sent + room);
      stream.sent += piece.length;
      stream.window -= piece.length;
      this.#window -= piece.length;
      const last = stream.sent === stream.body.length;
      this.#socket.write(frameHead(piece.length, FrameType.data, last ? END_STREAM : 0, stream.id));
      this.#socket.write(piece);
    }
  }

  #sendAll(): void {
    this.#socket.cork();
    for (const stream of this.#streams.values()) if (this.#window > 0) this.#send(stream);
    this.#socket.uncork();
  }

  #read(chunk: Buffer): void {
    const skipped = Math.min(this.#skip, chunk.length);
    this.#skip -= skipped;
    let bytes = chunk.subarray(skipped);
    if (this.#rest.length > 0) bytes = Buffer.concat([this.#rest, bytes]);
    let at = 0;
    while (bytes.length - at >= FRAME_HEAD_BYTES) {
      const length = bytes.readUIntBE(at, 3);
      const type = bytes[at + 3];
      const end = at + FRAME_HEAD_BYTES + length;
      const isRead = type !== FrameType.data && type !== FrameType.headers;
      if (isRead && end > bytes.length) break;
      this.#frame(type, bytes[at + 4], bytes.readUInt32BE(at + 5), bytes.subarray(at + FRAME_HEAD_BYTES, end), length);
      at = Math.min(end, bytes.length);
      this.#skip = end - at;
    }
    this.#rest = bytes.subarray(at);
  }

  #frame(type: number, flags: number, id: number, payload: Buffer, length: number): void {
    if (type === FrameType.data || type === FrameType.headers) {
      const stream = this.#streams.get(id);
      if (stream === undefined) return;
      if (type === FrameType.data) stream.received += length;
      if ((flags & END_STREAM) !== 0) this.#finish(stream, stream.received);
    } else if (type === FrameType.reset) {
      const stream = this.#streams.get(id);
      if (stream !== undefined) this.#finish(stream, undefined);
    } else if (type === FrameType.windowUpdate) {
      this.#widen(id, payload.readUInt32BE(0));
    } else if (type === FrameType.settings && (flags & ACK) === 0) {
      this.#settings(payload);
    } else if (type === FrameType.ping && (flags & ACK) === 0) {
      this.#socket.write(Buffer.concat([frameHead(payload.length, FrameType.ping, ACK, 0), payload]));
    } else if (type === FrameType.goAway) {
      this.#socket.destroy();
    }
  }

  #finish(stream: Stream, receivedBytes: number | undefined): void {
    this.#streams.delete(stream.id);
    stream.done(receivedBytes);
  }

  #widen(id: number, bytes: number): void {
    if (id === 0) {
      this.#window += bytes;
      return this.#sendAll();
    }
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    stream.window += bytes;
    this.#socket.cork();
    this.#send(stream);
    this.#socket.uncork();
  }

  #settings(payload: Buffer): void {
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      if (payload.readUInt16BE(at) !== InitialWindowSetting) continue;
      const window = payload.readUInt32BE(at + 2);
      for (const stream of this.#streams.values()) stream.window += window - this.#streamWindow;
      this.#streamWindow = window;
    }
    this.#socket.write(frameHead(0, FrameType.settings, ACK, 0));
    this.#sendAll();
  }
}
