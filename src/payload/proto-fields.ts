import { Reader } from 'protobufjs/minimal.js';

/** Reads one known field; the reader stands at its value. */
export type ReadField = (reader: Reader) => void;
/** Fields by tag: field number times eight plus the wire type. A known number of another wire type is skipped. */
export type FieldReaders = Readonly<Record<number, ReadField>>;

const VARINT = 0;
const LENGTH_DELIMITED = 2;

/** Tag of a field that holds an integer or a boolean. */
export function varintTag(field: number): number {
  return field * 8 + VARINT;
}

/** Tag of a field that holds bytes, text, a message or packed numbers. */
export function bytesTag(field: number): number {
  return field * 8 + LENGTH_DELIMITED;
}

/** Walks a protobuf message and hands known fields to their readers, in order. Throws on bytes that are none. */
export function readFields(message: Uint8Array, fields: FieldReaders): void {
  const reader = Reader.create(message);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const read = fields[tag];
    if (read === undefined) reader.skipType(tag & 7, 0, tag >>> 3);
    else read(reader);
  }
}

/** Readers of a repeated uint32 field, packed or not, which append to `into`. */
export function uint32List(field: number, into: number[]): FieldReaders {
  return {
    [varintTag(field)]: (reader) => {
      into.push(reader.uint32());
    },
    [bytesTag(field)]: (reader) => {
      const end = reader.uint32() + reader.pos;
      if (end > reader.len) throw new RangeError('packed field is longer than its message');
      while (reader.pos < end) into.push(reader.uint32());
    },
  };
}
