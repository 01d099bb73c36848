import { framed } from '../../ext-proc/grpc/message-frame.ts';
import { toHeaderMap } from '../../gateway/header-list.ts';
import { encodeProcessingRequest, type ProcessingRequest } from '../../protos/ext-proc.ts';

/** What is sent over a stage's connection, one call after the other. */
export interface Rehearsal {
  /** HTTP/2 headers besides those every gRPC call has. */
  readonly headers: Readonly<Record<string, string>>;
  /** Length-prefixed messages, as many as the call has. */
  readonly messages: Buffer;
}

const CALLS = 60;
const STREAM_PIECES = 20;
/** From less than a block of the prefix index to many. */
const PROMPT_WORDS = [5, 60, 200, 1000];

/**
 * No two gateways and no two clients send the same fields in the same order, and code that was compiled for one order
 * is thrown away at the sight of the next: so the rehearsals differ as much as real requests do.
 */
const FIELD_ORDERS: readonly (readonly string[])[] = [
  ['model', 'messages'],
  ['model', 'stream', 'max_tokens', 'messages'],
  ['messages', 'model', 'max_tokens', 'temperature', 'stream'],
  ['stream', 'model', 'temperature', 'messages'],
  ['max_tokens', 'temperature', 'model', 'messages', 'stream'],
];
const CALL_HEADERS: readonly Readonly<Record<string, string>>[] = [
  {},
  { 'user-agent': 'rehearsal' },
  { 'x-forwarded-for': '192.0.2.1', 'x-envoy-internal': 'true' },
  { 'grpc-timeout': '10S' },
  { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', 'x-envoy-expected-rq-timeout-ms': '200' },
];

/**
 * Calls like those a gateway makes, each a request from its headers to the end of its answer. Prompts share their
 * start; every second answer is a stream.
 */
export function rehearsals(): readonly Rehearsal[] {
  return Array.from({ length: CALLS }, (_, i) => {
    const streamed = i % 2 === 1;
    const messages = [...request(i, streamed), ...(streamed ? streamedAnswer() : wholeAnswer())];
    return {
      headers: CALL_HEADERS[i % CALL_HEADERS.length],
      messages: Buffer.concat(messages.map((message) => framed(encodeProcessingRequest(message)))),
    };
  });
}

function request(index: number, stream: boolean): ProcessingRequest[] {
  const length = PROMPT_WORDS[index % PROMPT_WORDS.length];
  const question = Array.from({ length }, (_, i) => `word${(i * (1 + (index % 8))) % 1000}`).join(' ');
  const fields: Readonly<Record<string, unknown>> = {
    model: 'rehearsal',
    stream,
    max_tokens: 100,
    temperature: 0.5,
    messages: [
      { role: 'system', content: 'You are a helpful assistant.' },
      { role: 'user', content: question },
    ],
  };
  const order = FIELD_ORDERS[index % FIELD_ORDERS.length];
  return [
    {
      requestHeaders: headers({
        ':method': 'POST',
        ':path': '/v1/chat/completions',
        ':authority': 'rehearsal',
        'content-type': 'application/json',
        ...(index % 3 === 0 ? {} : { 'x-request-id': `rehearsal-${index}` }),
      }),
    },
    {
      requestBody: {
        body: Buffer.from(JSON.stringify(Object.fromEntries(order.map((name) => [name, fields[name]])))),
        endOfStream: true,
      },
    },
  ];
}

function wholeAnswer(): ProcessingRequest[] {
  const usage = { prompt_tokens: 200, completion_tokens: 100, total_tokens: 300 };
  const body = JSON.stringify({ id: 'x', choices: [{ index: 0, message: { content: 'text' } }], usage });
  return [answerHeaders('application/json'), { responseBody: { body: Buffer.from(body), endOfStream: true } }];
}

function streamedAnswer(): ProcessingRequest[] {
  const piece = event({ id: 'x', choices: [{ index: 0, delta: { content: ' word' }, finish_reason: null }] });
  const pieces = Array.from({ length: STREAM_PIECES }, () => ({ responseBody: { body: Buffer.from(piece) } }));
  const last = event({ id: 'x', choices: [], usage: { prompt_tokens: 200, completion_tokens: STREAM_PIECES } });
  return [
    answerHeaders('text/event-stream'),
    ...pieces,
    { responseBody: { body: Buffer.from(`${last}data: [DONE]\n\n`), endOfStream: true } },
  ];
}

function event(data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}

function answerHeaders(contentType: string): ProcessingRequest {
  return { responseHeaders: headers({ ':status': '200', 'content-type': contentType }) };
}

function headers(fields: Readonly<Record<string, string>>): NonNullable<ProcessingRequest['requestHeaders']> {
  return { headers: toHeaderMap(Object.entries(fields)) };
}
