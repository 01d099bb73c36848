// What reading a request's body costs before anybody asks for its prompt, and finding the model's name for an edit.
import { readJsonObject } from '../../../src/payload/json-object.ts';
import { modelSpan } from '../../../src/payload/json-span.ts';
import type { MicroCase } from '../harness.ts';
import { chatBody, PROMPT_SIZES } from './bodies.ts';
import { costUs } from './cpu.ts';

/** How Envoy cuts bodies. */
const PIECE_BYTES = 65_536;

export const requestJson: MicroCase = {
  name: 'request-json',
  *run(effort) {
    for (const [size, bytes] of PROMPT_SIZES) {
      const body = chatBody(bytes, 1);
      const pieces: Uint8Array[] = [];
      for (let at = 0; at < body.length; at += PIECE_BYTES) pieces.push(body.subarray(at, at + PIECE_BYTES));
      yield { what: `read ${size}`, value: costUs(effort, () => readJsonObject(pieces)), unit: 'us' };
      yield { what: `find the model in ${size}`, value: costUs(effort, () => modelSpan(body)), unit: 'us' };
    }
  },
};
