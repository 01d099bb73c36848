import * as v from 'valibot';
import { Rejection, reject } from '../../core/errors.ts';
import { definePlugin } from '../../core/plugin.ts';
import type { InferenceBody } from '../../core/request.ts';
import { type JsonObject, readJsonObject } from '../../payload/json-object.ts';
import { chatPrompt, completionPrompts } from '../../payload/prompt-text.ts';

const CHAT = 'chat/completions';
const COMPLETIONS = 'completions';

/** Reads chat and completion requests. What is read is checked; what is not read is not judged. */
export const openaiParser = definePlugin({
  kind: 'parser',
  type: 'openai-parser',
  stability: 'beta',
  summary: 'Reads OpenAI chat completions and completions.',
  config: v.unknown(),
  create: () => ({
    paths: [CHAT, COMPLETIONS],
    dialect: () => 'openai',
    parse(path, pieces) {
      const body = readJsonObject(pieces);
      if (body instanceof Rejection) return body;
      return path.endsWith(CHAT) ? readChat(body) : readCompletion(body);
    },
  }),
});

function readChat(body: JsonObject): InferenceBody | Rejection {
  const { messages } = body;
  if (!Array.isArray(messages) || messages.length === 0) {
    return reject('BadRequest', 'invalid chat completions request: must have valid messages field');
  }
  return {
    ...common(body),
    api: 'chat',
    maxOutputTokens: tokenLimit(body.max_completion_tokens) ?? tokenLimit(body.max_tokens),
    prompts: once(() => [chatPrompt(body)]),
  };
}

function readCompletion(body: JsonObject): InferenceBody | Rejection {
  const { prompt } = body;
  const valid = typeof prompt === 'string' || (Array.isArray(prompt) && prompt.length > 0);
  if (!valid) return reject('BadRequest', 'invalid completions request: must have prompt field');
  return {
    ...common(body),
    api: 'completions',
    maxOutputTokens: tokenLimit(body.max_tokens),
    prompts: once(() => completionPrompts(prompt)),
  };
}

function common(body: JsonObject): Pick<InferenceBody, 'dialect' | 'model' | 'stream' | 'cacheSalt'> {
  return {
    dialect: 'openai',
    model: typeof body.model === 'string' ? body.model : '',
    stream: body.stream === true,
    cacheSalt: typeof body.cache_salt === 'string' ? body.cache_salt : '',
  };
}

/** A limit counts when it is a non-negative integer; 0 counts. */
function tokenLimit(value: unknown): number | undefined {
  return Number.isInteger(value) && (value as number) >= 0 ? (value as number) : undefined;
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
