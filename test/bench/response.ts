// What watching a streamed response costs, in microseconds per piece.
//   node test/bench/response.ts
// A stream of 10,000 events, one a piece, as Envoy hands them over. "nothing" is the loop alone.
import { ModelRestorer } from '../../src/payload/model-restore.ts';
import { createResponseReader } from '../../src/payload/create-response-reader.ts';

const EVENTS = 10_000;
const ROUNDS = 30;
const MODEL = 'meta-llama/Llama-3.1-8B-Instruct';

function stream(usageOfEvent: string): Uint8Array[] {
  const pieces = Array.from({ length: EVENTS }, (_, i) => {
    const head = `data: {"id":"chatcmpl-8f14e45fceea167a5a36dedd4bea2543","object":"chat.completion.chunk","created":1770000000,"model":"${MODEL}"`;
    return `${head},"choices":[{"index":0,"delta":{"content":" token${i}"},"logprobs":null,"finish_reason":null}]${usageOfEvent}}\n\n`;
  });
  pieces.push('data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":10000}}\n\ndata: [DONE]\n\n');
  return pieces.map((text) => new Uint8Array(Buffer.from(text)));
}

/** Median microseconds per piece. */
function measure(pieces: readonly Uint8Array[], start: () => (piece: Uint8Array) => unknown): string {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const step = start();
    const before = performance.now();
    for (const piece of pieces) step(piece);
    times.push(((performance.now() - before) * 1000) / pieces.length);
  }
  return times.sort((a, b) => a - b)[ROUNDS / 2].toFixed(2);
}

function reading(contentType: string): () => (piece: Uint8Array) => void {
  return () => {
    const reader = createResponseReader('openai', contentType);
    return (piece) => reader?.push(piece);
  };
}

function restoring(target: string): () => (piece: Uint8Array) => unknown {
  return () => {
    const restorer = new ModelRestorer(target, 'llama');
    return (piece) => restorer.push(piece, false);
  };
}

const plain = stream('');
const counted = stream(',"usage":{"prompt_tokens":7,"completion_tokens":9,"total_tokens":16}');
const halves = plain.flatMap((piece) => [piece.subarray(0, 150), piece.subarray(150)]);
const page = new Uint8Array(Buffer.from(`{"data":[${'0.012345,'.repeat(7000)}0]`));
const embedding = Array.from({ length: 200 }, () => page);

for (const [name, pieces, start] of [
  ['nothing', plain, () => (piece: Uint8Array) => piece.byteLength],
  ['usage and errors, usage at the end', plain, reading('text/event-stream')],
  ['usage and errors, "usage":null in every event', stream(',"usage":null'), reading('text/event-stream')],
  ['usage and errors, usage in every event', counted, reading('text/event-stream')],
  ['usage and errors, events cut in two', halves, reading('text/event-stream')],
  ['usage of a JSON body, pieces of 63 kB', embedding, reading('application/json')],
  ['model name, every event renamed', plain, restoring(MODEL)],
  ['model name, nothing to rename', plain, restoring('other')],
] as const) {
  process.stdout.write(`${measure(pieces, start).padStart(8)} us  ${name}\n`);
}
