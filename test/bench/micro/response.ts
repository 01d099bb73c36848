// What watching a streamed response costs, in microseconds per piece. A stream of 10,000 events, one a piece, as Envoy
// hands them over.
import { createResponseReader } from '../../../src/payload/create-response-reader.ts';
import { ModelRestorer } from '../../../src/payload/model-restore.ts';
import type { MicroCase } from '../harness.ts';
import { costUs } from './cpu.ts';

const EVENTS = 10_000;
const MODEL = 'meta-llama/Llama-3.1-8B-Instruct';

type Step = (piece: Uint8Array) => unknown;

export const response: MicroCase = {
  name: 'response',
  *run(effort) {
    const plain = stream('');
    const counted = stream(',"usage":{"prompt_tokens":7,"completion_tokens":9,"total_tokens":16}');
    const halves = plain.flatMap((piece) => [piece.subarray(0, 150), piece.subarray(150)]);
    const page = new Uint8Array(Buffer.from(`{"data":[${'0.012345,'.repeat(7000)}0]`));
    for (const [what, pieces, start] of [
      ['usage at the end', plain, reading('text/event-stream')],
      ['"usage":null in every event', stream(',"usage":null'), reading('text/event-stream')],
      ['usage in every event', counted, reading('text/event-stream')],
      ['events cut in two', halves, reading('text/event-stream')],
      ['JSON in pieces of 63 kB', Array.from({ length: 200 }, () => page), reading('application/json')],
      ['every event renamed', plain, restoring(MODEL)],
      ['nothing to rename', plain, restoring('other')],
    ] as const) {
      yield { what: `${what}, a piece`, value: costUs(effort, () => all(pieces, start())) / pieces.length, unit: 'us' };
    }
  },
};

function all(pieces: readonly Uint8Array[], step: Step): void {
  for (const piece of pieces) step(piece);
}

function stream(usageOfEvent: string): Uint8Array[] {
  const pieces = Array.from({ length: EVENTS }, (_, i) => {
    const head = `data: {"id":"chatcmpl-8f14e45fceea167a5a36dedd4bea2543","object":"chat.completion.chunk","created":1770000000,"model":"${MODEL}"`;
    return `${head},"choices":[{"index":0,"delta":{"content":" token${i}"},"logprobs":null,"finish_reason":null}]${usageOfEvent}}\n\n`;
  });
  pieces.push('data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":10000}}\n\ndata: [DONE]\n\n');
  return pieces.map((text) => new Uint8Array(Buffer.from(text)));
}

function reading(contentType: string): () => Step {
  return () => {
    const reader = createResponseReader('openai', contentType);
    return (piece) => reader?.push(piece);
  };
}

function restoring(target: string): () => Step {
  return () => {
    const restorer = new ModelRestorer(target, 'llama');
    return (piece) => restorer.push(piece, false);
  };
}
