/** The little of HTTP/2 that a client with one kind of request needs. */
export const FRAME_HEAD_BYTES = 9;
/** Longest frame any peer takes. */
export const MAX_FRAME_BYTES = 16_384;
export const INITIAL_WINDOW_BYTES = 65_535;
const MAX_WINDOW_BYTES = 2 ** 31 - 1;

export const FrameType = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8 } as const;
export const END_STREAM = 1;
export const ACK = 1;
const END_HEADERS = 4;
export const InitialWindowSetting = 4;

/** The nine bytes before a frame's payload. */
export function frameHead(length: number, type: number, flags: number, stream: number): Buffer {
  const head = Buffer.allocUnsafe(FRAME_HEAD_BYTES);
  head.writeUIntBE(length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return head;
}

/** The first bytes of a connection; windows towards us are as wide as they get, so that we never make a peer wait. */
export function opening(): Buffer {
  const settings = Buffer.alloc(12);
  settings.writeUInt16BE(2, 0); // ENABLE_PUSH: 0
  settings.writeUInt16BE(InitialWindowSetting, 6);
  settings.writeUInt32BE(MAX_WINDOW_BYTES, 8);
  const room = Buffer.alloc(4);
  room.writeUInt32BE(MAX_WINDOW_BYTES - INITIAL_WINDOW_BYTES);
  return Buffer.concat([
    Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    frameHead(settings.length, FrameType.settings, 0, 0),
    settings,
    frameHead(room.length, FrameType.windowUpdate, 0, 0),
    room,
  ]);
}

/**
 * The header block of a gRPC call: the first of a connection puts its fields in the peer's table, all others refer to
 * them, as the gateways' encoders do. `path` and `authority` are shorter than 127 bytes.
 */
export function headerBlocks(path: string, authority: string): { readonly first: Buffer; readonly later: Buffer } {
  const text = (value: string): Buffer => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)]);
  const post = Buffer.from([0x83, 0x86]); // static entries: POST, http
  const added = [
    [Buffer.from([0x44]), text(path)],
    [Buffer.from([0x41]), text(authority)],
    [Buffer.from([0x5f]), text('application/grpc')],
    [Buffer.from([0x40]), text('te'), text('trailers')],
  ];
  return {
    first: Buffer.concat([post, ...added.flat()]),
    // The table's newest entry is number 62.
    later: Buffer.concat([post, Buffer.from(added.map((_, age) => 0x80 | (62 + age)).toReversed())]),
  };
}

/** A HEADERS frame that leaves the stream open for a body. */
export function headersFrame(block: Buffer, stream: number): Buffer {
  return Buffer.concat([frameHead(block.length, FrameType.headers, END_HEADERS, stream), block]);
}
