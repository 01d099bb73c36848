import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Sequence } from '../engine/sequence.ts';
import type { Pod } from '../pod.ts';
import { hasSidecar } from '../roles.ts';
import { ApiError } from './api-error.ts';
import { collectedReply, streamedReply, type InferenceReply } from './inference-reply.ts';
import { readInference, type Api, type InferenceCall } from './inference-request.ts';
import { parseJsonObject, readBody } from './read-body.ts';
import { Reply } from './reply-text.ts';
import { prefillAt, prefillerOf } from './sidecar.ts';

const DEFAULT_MAX_TOKENS = 64;
const PATHS: Readonly<Record<Api, string>> = { chat: '/v1/chat/completions', completions: '/v1/completions' };

/** Answers one inference request. Rejects with `ApiError` when it is refused before any part of an answer was sent. */
export async function handleInference(
  pod: Pod,
  api: Api,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { options, faults } = pod;
  const text = await readBody(request, options.maxBodyBytes);
  if (response.destroyed) return;
  if (faults.errorRate > 0 && pod.random.next() < faults.errorRate) {
    throw new ApiError(faults.errorStatus, 'injected fault');
  }
  const body = parseJsonObject(text);
  const call = readInference(api, body, options.model);
  const maxTokens = call.prompts.map((prompt) => outputLimit(prompt.tokens, call.maxTokens, options.maxModelLen));
  if (pod.engine.inFlight + call.prompts.length > options.maxQueuedRequests) {
    throw new ApiError(503, `more than ${options.maxQueuedRequests} requests in the server, try again later`);
  }
  const prefiller = hasSidecar(options.role) ? prefillerOf(request.headers) : undefined;
  if (prefiller !== undefined) {
    await prefillAt(prefiller, PATHS[api], body, gone(response));
    pod.prefilled(prefiller);
  }
  if (faults.headersThenHang) {
    response.writeHead(200, { 'content-type': call.stream ? 'text/event-stream; charset=utf-8' : 'application/json' });
    response.flushHeaders();
    return;
  }
  const id = request.headers['x-request-id'] ?? pod.nextRequestId();
  const identity = {
    api,
    id: `${api === 'chat' ? 'chatcmpl' : 'cmpl'}-${String(id)}`,
    created: Math.floor(Date.now() / 1000),
    model: options.model,
  };
  const choices = call.prompts.length;
  const reply = call.stream
    ? streamedReply(response, identity, choices, call.includeUsage)
    : collectedReply(response, identity, choices);
  generate(pod, { ...call, received: prefiller !== undefined }, maxTokens, reply, response);
}

/** Starts one sequence per choice, and stops them all when the client leaves. */
function generate(
  pod: Pod,
  call: InferenceCall & { readonly received: boolean },
  maxTokens: readonly number[],
  reply: InferenceReply,
  response: ServerResponse,
): void {
  const { engine, options } = pod;
  const sequences: Sequence[] = [];
  const distinct = new Map(call.prompts.map((prompt, choice) => [prompt, choice]));
  let open = call.prompts.length;
  let tokens = 0;
  const finished = (): void => {
    const cached = [...distinct.values()].reduce((sum, choice) => sum + sequences[choice].cachedTokens, 0);
    reply.complete({ prompt: call.promptTokens, completion: tokens, cached });
  };
  for (const [choice, prompt] of call.prompts.entries()) {
    const sink = {
      onToken(token: number, finish: 'stop' | 'length' | undefined): void {
        const { cutAfterTokens } = pod.faults;
        if (cutAfterTokens !== null && tokens >= cutAfterTokens) {
          response.socket?.destroy();
          return;
        }
        tokens += 1;
        reply.token(choice, token, finish);
        if (finish === undefined) return;
        open -= 1;
        if (open === 0) finished();
      },
    };
    const finishReason = call.maxTokens === undefined ? 'stop' : 'length';
    const { nextToken } = new Reply(prompt, options.seed + choice);
    const { received } = call;
    sequences.push(engine.submit({ prompt, maxTokens: maxTokens[choice], finishReason, nextToken, sink, received }));
  }
  response.once('close', () => {
    for (const sequence of sequences) engine.abort(sequence);
  });
}

/** Fires when the client leaves. */
function gone(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => controller.abort());
  return controller.signal;
}

/** Tokens to generate. Throws `ApiError` 400 when prompt and output do not fit the model together. */
function outputLimit(promptTokens: number, asked: number | undefined, maxModelLen: number): number {
  if (promptTokens < 1) throw new ApiError(400, 'the prompt is empty');
  const room = maxModelLen - promptTokens;
  const wanted = asked ?? Math.min(DEFAULT_MAX_TOKENS, Math.max(1, room));
  if (wanted <= room) return wanted;
  throw new ApiError(
    400,
    `the model takes ${maxModelLen} tokens, but ${promptTokens} of prompt and ${wanted} of output were asked for`,
  );
}
