import { check } from 'k6';
import type { RefinedResponse } from 'k6/http';
import { text } from './env.ts';

/** Name of the served model. */
export const MODEL = text('MODEL', 'meta-llama/Llama-3.1-8B-Instruct');

const LOGGED_CHARS = 200;

export type Answer = RefinedResponse<'text'>;

export interface ChatOptions {
  readonly system?: string;
  readonly user: string;
  readonly maxTokens: number;
  readonly stream: boolean;
}

/** A body for `/v1/chat/completions`. A stream is asked for its usage too. */
export function chatBody({ system, user, maxTokens, stream }: ChatOptions): string {
  const messages = [
    ...(system === undefined ? [] : [{ role: 'system', content: system }]),
    { role: 'user', content: user },
  ];
  const streaming = stream ? { stream, stream_options: { include_usage: true } } : {};
  return JSON.stringify({ model: MODEL, messages, max_tokens: maxTokens, ...streaming });
}

/** What a server counted. */
export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly prompt_tokens_details?: { readonly cached_tokens?: number } | null;
}

interface Chunk {
  readonly model: string;
  readonly choices: readonly {
    readonly message?: { readonly content: string };
    readonly delta?: { readonly content?: string };
    readonly finish_reason: string | null;
  }[];
  readonly usage?: Usage | null;
}

/** Checks status and content of an answer. Its usage when all is as it should be. */
export function checkAnswer(answer: Answer, { maxTokens, stream }: ChatOptions): Usage | undefined {
  return stream ? checkStream(answer, maxTokens) : checkWhole(answer, maxTokens);
}

function checkWhole(answer: Answer, maxTokens: number): Usage | undefined {
  const parsed = parse(answer.body);
  const fine = check(answer, {
    'status is 200': ({ status }) => status === 200,
    'body is a chat completion': () => (parsed?.choices[0]?.message?.content ?? '') !== '',
    'model is the one asked for': () => parsed?.model === MODEL,
    'usage counts the answer': () => counts(parsed?.usage, maxTokens),
  });
  return fine ? (parsed?.usage ?? undefined) : undefined;
}

function checkStream(answer: Answer, maxTokens: number): Usage | undefined {
  const events = (answer.body ?? '').split('\n\n').filter((event) => event !== '');
  const done = events.pop();
  const chunks = events.map((event) => (event.startsWith('data: ') ? parse(event.slice('data: '.length)) : undefined));
  const usage = chunks.at(-1)?.usage;
  const content = chunks.map((chunk) => chunk?.choices[0]?.delta?.content ?? '').join('');
  const fine = check(answer, {
    'status is 200': ({ status }) => status === 200,
    'stream ends with [DONE]': () => done?.trim() === 'data: [DONE]',
    'every event is a chunk': () => chunks.length > 0 && !chunks.includes(undefined) && content !== '',
    'model is the one asked for': () => chunks[0]?.model === MODEL,
    'usage counts the answer': () => counts(usage, maxTokens),
  });
  return fine ? (usage ?? undefined) : undefined;
}

/** A model may stop before the limit. */
function counts(usage: Usage | null | undefined, maxTokens: number): boolean {
  const tokens = usage?.completion_tokens ?? 0;
  return tokens >= 1 && tokens <= maxTokens;
}

function parse(body: string | null): Chunk | undefined {
  try {
    const parsed = JSON.parse(body ?? '') as Partial<Chunk> | null;
    return Array.isArray(parsed?.choices) ? (parsed as Chunk) : undefined;
  } catch {
    return undefined;
  }
}

/** `x-inference-pod` of an answer, the simulator's name of who served it; empty elsewhere. */
export function servedBy(answer: Answer): string {
  return answer.headers['X-Inference-Pod'] ?? '';
}

/** Puts into k6's log what came instead of an answer. */
export function logFailure({ status, error, body }: Answer): void {
  console.warn(`failed: ${status === 0 ? error : `status ${status}`} ${(body ?? '').slice(0, LOGGED_CHARS)}`.trimEnd());
}
