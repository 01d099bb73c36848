import { framed } from '../../../src/ext-proc/grpc/message-frame.ts';
import { encodeProcessingRequest, type ProcessingRequest } from '../../../src/protos/ext-proc.ts';
import { message } from '../../wire/support.ts';

/** How Envoy cuts bodies. */
const PIECE_BYTES = 65_536;
const USAGE = '"usage":{"prompt_tokens":300,"completion_tokens":100,"total_tokens":400}';

/** One HTTP request as the picker is told of it. */
export interface Conversation {
  /** The whole stream: every message in a gRPC frame, to be sent at once. */
  readonly bytes: Buffer;
  /** The picker hands the bodies back, so it answers with more bytes than these. A refusal is shorter. */
  readonly bodyBytes: number;
}

/**
 * A chat whose user says `promptBytes` of words. `chunks` 0 ends the stream with the request, 1 has a JSON response,
 * more have an event stream in as many pieces.
 */
export function conversation(promptBytes: number, chunks: number, chat = 0): Conversation {
  const body = Buffer.from(
    JSON.stringify({
      model: 'meta-llama/Llama-3.1-8B-Instruct',
      max_tokens: 100,
      stream: chunks > 1,
      messages: [
        { role: 'system', content: 'You are a helpful assistant.' },
        { role: 'user', content: words(promptBytes, chat) },
      ],
    }),
  );
  const messages: ProcessingRequest[] = [message.requestHeaders(false, conversationHeaders(body.length))];
  for (let at = 0; at < body.length; at += PIECE_BYTES) {
    const end = at + PIECE_BYTES;
    messages.push(message.requestBody(body.subarray(at, end), end >= body.length));
  }
  if (chunks > 0) {
    const contentType = chunks > 1 ? 'text/event-stream' : 'application/json';
    messages.push(message.responseHeaders(false, { ':status': '200', 'content-type': contentType }));
    for (let i = 0; i < chunks; i++) messages.push(message.responseBody(responsePiece(i, chunks), i === chunks - 1));
  }
  return {
    bytes: Buffer.concat(messages.map((each) => framed(encodeProcessingRequest(each)))),
    bodyBytes: body.length,
  };
}

/** What a gateway sends of a chat request. */
export function conversationHeaders(contentLength: number): Record<string, string> {
  return {
    ':method': 'POST',
    ':path': '/v1/chat/completions',
    ':authority': 'llm.example.com',
    ':scheme': 'http',
    'content-type': 'application/json',
    'content-length': String(contentLength),
    'x-request-id': '4b1b0a5e-1111-4222-8333-444455556666',
    'user-agent': 'bench',
  };
}

function words(bytes: number, chat: number): string {
  let text = chat === 0 ? '' : `chat ${chat}`;
  for (let i = 0; text.length < bytes; i++) text += ` word${(i * 7919) % 1000}${i}`;
  return text.slice(0, bytes);
}

function responsePiece(index: number, chunks: number): string {
  if (chunks === 1) {
    return `{"id":"x","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"hello"}}],${USAGE}}`;
  }
  if (index === chunks - 1) return `data: {"id":"x","choices":[],${USAGE}}\n\ndata: [DONE]\n\n`;
  return `data: {"id":"cmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":" tok"},"finish_reason":null}]}\n\n`;
}
