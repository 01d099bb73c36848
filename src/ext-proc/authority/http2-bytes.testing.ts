// Bytes of HTTP/2 clients for the tests: Node's own client as the encoder, and frames put together by hand.
import { connect, type OutgoingHttpHeaders } from 'node:http2';
import { Duplex } from 'node:stream';

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
export const ISTIO_AUTHORITY = 'outbound|9002||model-pool-epp.llm.svc.cluster.local';

/** Turns of the event loop in which a client must have sent everything. */
const MAX_TURNS = 1000;

export const FrameType = {
  data: 0,
  headers: 1,
  priority: 2,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;
export const Flag = { ack: 1, endStream: 1, endHeaders: 4, padded: 8, priority: 0x20 } as const;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

export function frameBytes({ type, flags, stream, payload }: Frame): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

export const SETTINGS = frameBytes({ type: FrameType.settings, flags: 0, stream: 0, payload: Buffer.alloc(0) });

/** A HEADERS frame with the whole block, nothing else. */
export function headersFrame(stream: number, block: Buffer, flags: number = Flag.endHeaders | Flag.endStream): Buffer {
  return frameBytes({ type: FrameType.headers, flags, stream, payload: block });
}

/** The whole frames from a place on; by default what a client sent after its preface. */
export function framesOf(bytes: Buffer, from: number = PREFACE.length): Frame[] {
  const frames: Frame[] = [];
  for (let at = from; at + 9 <= bytes.length;) {
    const end = at + 9 + bytes.readUIntBE(at, 3);
    if (end > bytes.length) break;
    frames.push({
      type: bytes[at + 3],
      flags: bytes[at + 4],
      stream: bytes.readUInt32BE(at + 5),
      payload: bytes.subarray(at + 9, end),
    });
    at = end;
  }
  return frames;
}

/** What Node's http2 client sends for these requests on one connection to a server that never answers. */
export async function clientBytes(requests: readonly OutgoingHttpHeaders[]): Promise<Buffer> {
  const sent: Buffer[] = [];
  const wire = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      sent.push(Buffer.from(chunk));
      done();
    },
  });
  const client = connect('http://unused', { createConnection: () => wire });
  client.on('error', () => {});
  for (const headers of requests) client.request(headers, { endStream: true }).on('error', () => {});
  let bytes = Buffer.concat(sent);
  for (let turn = 0; headerBlocks(bytes) < requests.length; turn++) {
    if (turn === MAX_TURNS) throw new Error(`client sent ${headerBlocks(bytes)} of ${requests.length} requests`);
    await new Promise((resolve) => setImmediate(resolve));
    bytes = Buffer.concat(sent);
  }
  client.destroy();
  return bytes;
}

function headerBlocks(bytes: Buffer): number {
  if (bytes.length < PREFACE.length) return 0;
  return framesOf(bytes).filter((frame) => isHeaders(frame) && frame.flags & Flag.endHeaders).length;
}

function isHeaders({ type }: Frame): boolean {
  return type === FrameType.headers || type === FrameType.continuation;
}

/** Cuts a buffer in pieces of these sizes, over and over; the pieces are copies. */
export function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = Math.max(1, sizes[i % sizes.length] ?? bytes.length);
    pieces.push(Buffer.from(bytes.subarray(at, at + size)));
    at += size;
  }
  return pieces;
}
