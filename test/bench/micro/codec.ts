// What reading and writing the messages of ext_proc costs.
import { requestHeadersAnswer, sendBodyPiece } from '../../../src/ext-proc/response.ts';
import {
  decodeProcessingRequest,
  encodeProcessingRequest,
  encodeProcessingResponse,
  type ProcessingResponse,
} from '../../../src/protos/ext-proc.ts';
import { message, PICKED } from '../../wire/support.ts';
import { type MicroCase } from '../harness.ts';
import { conversationHeaders } from '../macro/conversation.ts';
import { costUs } from './cpu.ts';

export const codec: MicroCase = {
  name: 'codec',
  *run(effort) {
    for (const [what, sent] of [
      ['request headers', message.requestHeaders(false, conversationHeaders(1700))],
      ['a body of 1.5 kB', message.requestBody(Buffer.alloc(1500, 'x'), true)],
      ['a body of 64 kB', message.requestBody(Buffer.alloc(65_536, 'x'), true)],
    ] as const) {
      const bytes = encodeProcessingRequest(sent);
      yield { what: `decode ${what}`, value: costUs(effort, () => decodeProcessingRequest(bytes)), unit: 'us' };
    }
    if (PICKED.kind !== 'picked') return;
    const picked = PICKED;
    yield {
      what: 'encode where to go',
      value: costUs(effort, () => encodeProcessingResponse(requestHeadersAnswer(picked))),
      unit: 'us',
    };
    for (const [what, body] of [
      ['1.5 kB', Buffer.alloc(1500, 'x')],
      ['64 kB', Buffer.alloc(65_536, 'x')],
    ] as const) {
      const sink = { send: (answer: Buffer | ProcessingResponse) => void encoded(answer) };
      const value = costUs(effort, () => sendBodyPiece(sink, 'requestBody', body, true));
      yield { what: `encode a body of ${what}`, value, unit: 'us' };
    }
  },
};

function encoded(answer: Buffer | ProcessingResponse): Buffer {
  return Buffer.isBuffer(answer) ? answer : encodeProcessingResponse(answer);
}
