import * as v from 'valibot';
import { Rejection } from '../../core/errors.ts';
import { definePlugin } from '../../core/plugin.ts';
import { JsonBody, type JsonBodyFacts } from '../../payload/json-body.ts';
import { checkFields, invalid, tokenLimit } from '../../payload/json-fields.ts';
import { isJsonObject, type JsonObject, readJsonObject } from '../../payload/json-object.ts';
import { messagesPrompt } from '../../payload/prompt-messages.ts';
import { messagesRender } from '../../payload/render-request.ts';
import { claimOf } from './claims.ts';
import { opaqueBody } from './opaque.ts';

const MESSAGES = 'messages';
const COUNT_TOKENS = 'messages/count_tokens';
const PATHS = [MESSAGES, COUNT_TOKENS] as const;

/** Counting tokens needs no cache and generates nothing: any server will do. */
const COUNTED = opaqueBody('anthropic');

/** Reads Anthropic messages. */
export const anthropicParser = definePlugin({
  kind: 'parser',
  type: 'anthropic-parser',
  stability: 'beta',
  summary: 'Reads Anthropic messages; routes token counting unread.',
  config: v.unknown(),
  create: () => ({
    paths: PATHS,
    dialect: () => 'anthropic',
    parse(path, pieces) {
      if (claimOf(PATHS, path) === COUNT_TOKENS) return COUNTED;
      const body = readJsonObject(pieces);
      if (body instanceof Rejection) return body;
      const facts = readMessages(body);
      return facts instanceof Rejection ? facts : new JsonBody(pieces, body, facts);
    },
  }),
});

function readMessages(body: JsonObject): JsonBodyFacts | Rejection {
  const { messages, system } = body;
  if (!Array.isArray(messages) || messages.length === 0) return invalid(MESSAGES, 'must have at least one message');
  if (!messages.every(isMessage)) return invalid(MESSAGES, 'must have valid messages field');
  if (!isContent(system)) return invalid(MESSAGES, 'system must be a string or an array of blocks');
  return (
    checkFields(MESSAGES, body, { cache_salt: 'a string', tools: 'an array' }) ?? {
      api: 'messages',
      dialect: 'anthropic',
      maxOutputTokens: tokenLimit(body.max_tokens),
      prompt: (media) => messagesPrompt(body, media),
      render: messagesRender(body),
    }
  );
}

function isMessage(message: unknown): boolean {
  if (!isJsonObject(message)) return false;
  const { role, content } = message;
  return (role === undefined || role === null || typeof role === 'string') && isContent(content);
}

/** A text or blocks; absent and null are for the server to judge. */
function isContent(content: unknown): boolean {
  if (content === undefined || content === null || typeof content === 'string') return true;
  return Array.isArray(content) && content.every(isJsonObject);
}
