import type { Dialect } from '../core/request.ts';
import type { Usage } from '../core/usage.ts';

/** A response as a server of one dialect writes it, and what must be read from it wherever it is cut. */
export interface SampleResponse {
  readonly name: string;
  readonly dialect: Dialect;
  readonly contentType: string;
  readonly text: string;
  readonly usage: Usage | undefined;
  readonly events: number;
  readonly failed: boolean;
}

/** What is read of a response by default: an event stream that tells nothing. */
function stream(name: string, dialect: Dialect, lines: readonly string[], expected: Partial<SampleResponse>) {
  const text = lines.map((line) => `${line}\n`).join('');
  return {
    name,
    dialect,
    contentType: 'text/event-stream',
    text,
    usage: undefined,
    events: 0,
    failed: false,
    ...expected,
  };
}

function json(name: string, dialect: Dialect, text: string, usage: Usage | undefined): SampleResponse {
  return { name, dialect, contentType: 'application/json', text, usage, events: 0, failed: false };
}

const chunk = (content: string, rest = ''): string =>
  `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":${JSON.stringify(content)}}}]${rest}}`;

export const SAMPLE_RESPONSES: readonly SampleResponse[] = [
  stream(
    'chat with a usage chunk',
    'openai',
    [
      chunk('', ',"usage":null'),
      '',
      chunk('Grüße, 世界 🌍 "usage":{"prompt_tokens":1} "error":{}'),
      '',
      'data: {"choices":[],"usage":{"prompt_tokens":7,"total_tokens":17,"completion_tokens":10,"prompt_tokens_details":{"cached_tokens":4}}}',
      '',
      'data: [DONE]',
      '',
    ],
    { usage: { promptTokens: 7, completionTokens: 10, cachedTokens: 4 }, events: 3 },
  ),
  stream(
    'usage in every chunk',
    'vllm',
    [
      ': a comment',
      chunk('a', ', "usage" : { "prompt_tokens": 7, "completion_tokens": 1 }'),
      '',
      chunk('b', ', "usage" : { "prompt_tokens": 7, "completion_tokens": 2 }'),
      '',
      'data: [DONE]',
      '',
    ],
    { usage: { promptTokens: 7, completionTokens: 2 }, events: 2 },
  ),
  stream('chat without usage', 'openai', [chunk('usage'), '', chunk('error'), '', 'data: [DONE]', ''], { events: 2 }),
  stream(
    'error inside a 200 stream',
    'openai',
    [
      chunk('a'),
      '',
      'data: {"error": {"message":"timed out","type":"TimeoutError","code":504}}',
      '',
      'data: [DONE]',
      '',
    ],
    { events: 2, failed: true },
  ),
  stream('flat error of older servers', 'openai', ['data: {"object": "error", "message": "no"}', ''], {
    events: 1,
    failed: true,
  }),
  stream('broken JSON', 'openai', ['data: {"usage":{"prompt_tokens":1}', '', 'data: {"usage":{}}', ''], { events: 2 }),
  stream('no space, no last line end', 'openai', ['data:{"a":1}', '', 'data:{"usage":{"prompt_tokens":"3"}}'], {
    usage: { promptTokens: 3 },
    events: 2,
  }),
  stream(
    'responses',
    'responses',
    [
      'event: response.created',
      'data: {"type":"response.created","response":{"id":"r","status":"in_progress","error":null,"usage":null}}',
      '',
      'event: response.in_progress',
      'data: {"type":"response.in_progress","response":{"usage":{"input_tokens":1,"output_tokens":1}}}',
      '',
      'event: response.completed',
      'data: {"type":"response.completed","response":{"error":null,"usage":{"input_tokens":12,"input_tokens_details":{"cached_tokens":8},"output_tokens":5}}}',
      '',
    ],
    { usage: { promptTokens: 12, completionTokens: 5, cachedTokens: 8 }, events: 3 },
  ),
  stream(
    'responses that failed',
    'responses',
    ['data: {"type":"response.failed","response":{"error":{"code":"server_error","message":"no"}}}', ''],
    { events: 1, failed: true },
  ),
  stream(
    'messages',
    'anthropic',
    [
      'event: message_start',
      'data: {"type":"message_start","message":{"usage":{"input_tokens":20,"cache_read_input_tokens":16,"output_tokens":1}}}',
      '',
      'event: content_block_delta',
      'data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"hé"}}',
      '',
      'event: message_delta',
      'data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":0,"output_tokens":9}}',
      '',
      'event: message_stop',
      'data: {"type":"message_stop"}',
      '',
    ],
    { usage: { promptTokens: 20, completionTokens: 9, cachedTokens: 16 }, events: 4 },
  ),
  stream(
    'messages that failed',
    'anthropic',
    ['event: error', 'data: {"type":"error","error":{"type":"overloaded_error","message":"busy"}}', ''],
    { events: 1, failed: true },
  ),
  stream(
    'sglang generate',
    'sglang',
    [
      'data: {"text":"a","meta_info":{"finish_reason":null,"prompt_tokens":5,"completion_tokens":1,"cached_tokens":0}}',
      '',
      'data: {"text":"ab","meta_info":{"finish_reason":{"type":"stop"},"prompt_tokens":5,"completion_tokens":2,"cached_tokens":3}}',
      '',
      'data: [DONE]',
      '',
    ],
    { usage: { promptTokens: 5, completionTokens: 2, cachedTokens: 3 }, events: 2 },
  ),
  json(
    'chat as JSON',
    'openai',
    '{"id":"c","model":"m","choices":[{"message":{"content":"\\"usage\\":{\\"prompt_tokens\\":1} ü"}}],\n "usage" : {"prompt_tokens":"7","completion_tokens":10,"note":"}\\"","prompt_tokens_details":{"cached_tokens":0}},"x":[{}]}',
    { promptTokens: 7, completionTokens: 10, cachedTokens: 0 },
  ),
  json(
    'responses with a tool whose schema has a usage',
    'responses',
    '{"tools":[{"parameters":{"properties":{"usage":{"type":"string"}}}}],"usage":{"input_tokens":3,"output_tokens":2},"tool":{"usage":{"a":1}}}',
    { promptTokens: 3, completionTokens: 2 },
  ),
  json('message as JSON', 'anthropic', '{"usage":{"input_tokens":3,"cache_read_input_tokens":2,"output_tokens":1}}', {
    promptTokens: 3,
    completionTokens: 1,
    cachedTokens: 2,
  }),
  json(
    'sglang generate as JSON',
    'sglang',
    '{"text":"a","meta_info":{"id":"x","finish_reason":{"type":"length"},"prompt_tokens":5,"completion_tokens":2,"cached_tokens":1}}',
    { promptTokens: 5, completionTokens: 2, cachedTokens: 1 },
  ),
  json('usage null', 'openai', '{"usage":null,"choices":[]}', undefined),
  json('usage a string', 'openai', '{"usage":"{","usage":"x","choices":["usage",{"a":"usage"}]}', undefined),
  json(
    'details a number',
    'openai',
    '{"usage":{"prompt_tokens":2.5,"completion_tokens":-1,"prompt_tokens_details":3,"total_tokens":9}}',
    undefined,
  ),
  json('not JSON', 'openai', '{"usage":{prompt_tokens:1}} "usage":{', undefined),
  { ...json('JSON for a stream', 'openai', ' \n{"usage":{"prompt_tokens":2}}', { promptTokens: 2 }), contentType: '' },
  {
    ...stream('a stream without its type', 'openai', ['', chunk('a'), '', 'data: [DONE]'], { events: 1 }),
    contentType: '',
  },
];
