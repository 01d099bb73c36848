import type { Rejection } from '../../core/errors.ts';
import { checkFields, type FieldType, invalid, tokenLimit } from '../../payload/json-fields.ts';
import type { JsonBodyFacts } from '../../payload/json-body.ts';
import { isJsonObject, type JsonObject } from '../../payload/json-object.ts';
import {
  chatPrompt,
  completionPrompt,
  embeddingsPrompt,
  isTokenIds,
  isTokenized,
  jsonPrompt,
  responsesPrompt,
} from '../../payload/prompt-text.ts';
import { promptOf } from '../../payload/prompt-bytes.ts';
import { chatRender, completionRender } from '../../payload/render-request.ts';

const NO_PROMPT = promptOf([]);

/** Checks one API's request and tells what is in it. What is read is checked; what is not read is not judged. */
export type ReadRequest = (body: JsonObject) => JsonBodyFacts | Rejection;

const SALT: Readonly<Record<string, FieldType>> = { cache_salt: 'a string' };
/** Fields that shape the prompt; servers refuse them too. Source: contract `wire-protocol.md` 3.3. */
const CHAT_FIELDS: Readonly<Record<string, FieldType>> = {
  ...SALT,
  tools: 'an array',
  documents: 'an array',
  chat_template: 'a string',
  return_assistant_tokens_mask: 'a boolean',
  continue_final_message: 'a boolean',
  add_generation_prompt: 'a boolean',
  chat_template_kwargs: 'an object',
};

export const readChat: ReadRequest = (body) => {
  const what = 'chat completions';
  if (!hasItems(body.messages) || !body.messages.every(isMessage)) {
    return invalid(what, 'must have valid messages field');
  }
  return (
    checkFields(what, body, CHAT_FIELDS) ?? {
      api: 'chat',
      dialect: 'openai',
      maxOutputTokens: tokenLimit(body.max_completion_tokens, body.max_tokens),
      prompt: (media, headers) => chatPrompt(body, media, headers),
      render: chatRender(body),
    }
  );
};

export const readCompletion: ReadRequest = (body) => {
  const what = 'completions';
  const { prompt } = body;
  if (!isTextOrTokens(prompt)) return invalid(what, 'must have prompt field');
  return (
    checkFields(what, body, SALT) ?? {
      api: 'completions',
      dialect: 'openai',
      maxOutputTokens: tokenLimit(body.max_tokens),
      tokenized: isTokenized(prompt),
      prompt: () => completionPrompt(prompt),
      render: completionRender,
    }
  );
};

export const readEmbeddings: ReadRequest = (body) => {
  const what = 'embeddings';
  const { input } = body;
  if (!isTextOrTokens(input)) return invalid(what, 'must have input field');
  return (
    checkFields(what, body, SALT) ?? {
      api: 'embeddings',
      dialect: 'openai',
      tokenized: isTokenIds(input),
      prompt: () => embeddingsPrompt(input),
    }
  );
};

export const readResponses: ReadRequest = (body) => {
  const what = 'responses';
  if (body.input === undefined || body.input === null) return invalid(what, 'must have input field');
  return (
    checkFields(what, body, SALT) ?? {
      api: 'responses',
      dialect: 'responses',
      maxOutputTokens: tokenLimit(body.max_output_tokens),
      prompt: () => responsesPrompt(body),
    }
  );
};

export const readConversation: ReadRequest = (body) => {
  const what = 'conversations';
  const { items } = body;
  if (!hasItems(items)) return invalid(what, 'must have items field');
  return checkFields(what, body, SALT) ?? { api: 'conversations', dialect: 'openai', prompt: () => jsonPrompt(items) };
};

/** No prefix is shared between pictures, so there is nothing to hash. */
export const readImages: ReadRequest = (body) => {
  const { prompt } = body;
  if (typeof prompt !== 'string' || prompt === '') return invalid('images generations', 'must have prompt field');
  return { api: 'images', dialect: 'openai', prompt: () => NO_PROMPT };
};

function hasItems(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.length > 0;
}

/** Role and content are read; both may be absent, as in an assistant's message of tool calls. */
function isMessage(message: unknown): boolean {
  if (!isJsonObject(message)) return false;
  const { role, content } = message;
  return (typeof role === 'string' || isAbsent(role)) && (isAbsent(content) || isContent(content));
}

/** A text or parts; servers take a plain text for a part. */
function isContent(content: unknown): boolean {
  if (typeof content === 'string') return true;
  return Array.isArray(content) && content.every((part) => typeof part === 'string' || isJsonObject(part));
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

/** A text, texts, token ids, or lists of token ids; not empty. */
function isTextOrTokens(value: unknown): boolean {
  if (typeof value === 'string') return value !== '';
  if (!hasItems(value)) return false;
  if (value.every((item) => typeof item === 'string') || isTokenIds(value)) return true;
  return value.every((item) => hasItems(item) && isTokenIds(item));
}
