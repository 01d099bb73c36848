import { pythonJson } from '../lib/python-json.ts';
import { isJsonObject, type JsonObject } from './json-object.ts';
import { systemText } from './prompt-messages.ts';

/** Stands in for the id vLLM would make up from the time of day. */
const MISSING_CALL_ID = 'call_0000000000';
const DEFAULT_IMAGE_TYPE = 'image/jpeg';

/**
 * An Anthropic request as the chat request that vLLM makes of it before it applies the chat template, so that a server
 * asked to render the one tokenizes the same text as the server that is sent the other. Source: contract 3.5 (token
 * producer); vLLM, `vllm/entrypoints/anthropic/serving.py`.
 */
export function chatOfMessages(body: JsonObject, model: string): JsonObject {
  const messages = body.messages as readonly unknown[];
  const chat: JsonObject[] = [];
  const system = systemOf(body.system, messages);
  if (system !== '') chat.push({ role: 'system', content: system });
  for (const message of messages) {
    if (isJsonObject(message) && message.role !== 'system') addMessage(chat, message);
  }
  const { tools, chat_template_kwargs } = body;
  return { model, messages: chat, ...(hasItems(tools) && { tools: tools.map(toolOf) }), chat_template_kwargs };
}

/** vLLM gathers system texts, wherever they stand, in one message before all others. */
function systemOf(system: unknown, messages: readonly unknown[]): string {
  const among = messages.map((message) =>
    isJsonObject(message) && message.role === 'system' ? systemText(message.content) : '',
  );
  return systemText(system) + among.join('');
}

function addMessage(chat: JsonObject[], { role, content }: JsonObject): void {
  if (!Array.isArray(content)) {
    if (typeof content === 'string' || role !== 'user') chat.push({ role, content });
    return;
  }
  const blocks = (content as readonly unknown[]).filter(isJsonObject);
  const ofType = (type: string): readonly JsonObject[] => blocks.filter((block) => block.type === type);
  if (role === 'user') for (const result of ofType('tool_result')) addResult(chat, result);
  const reasoning = ofType('thinking')
    .map(({ thinking }) => textOr(thinking, ''))
    .join('');
  const calls = ofType('tool_use').map(callOf);
  const parts = blocks.flatMap((block) => partOf(block, role));
  const only = parts.length === 1 ? parts[0].text : undefined;
  if (role === 'user' && parts.length === 0) return;
  chat.push({
    role,
    ...(parts.length > 0 && { content: only ?? parts }),
    ...(calls.length > 0 && { tool_calls: calls }),
    ...(reasoning !== '' && { reasoning }),
  });
}

function partOf(block: JsonObject, role: unknown): readonly JsonObject[] {
  switch (block.type) {
    case 'text':
      return typeof block.text === 'string' && block.text !== '' ? [{ type: 'text', text: block.text }] : [];
    case 'image':
      return imageParts([block]);
    case 'tool_result':
      return role === 'user' ? [] : [{ type: 'text', text: `Tool result: ${resultText(block.content)}` }];
    default:
      return [];
  }
}

/** A user's result of a tool is a message of the tool's; pictures in it follow as a message of the user's. */
function addResult(chat: JsonObject[], { tool_use_id: id, content }: JsonObject): void {
  chat.push({ role: 'tool', tool_call_id: textOr(id, ''), content: resultText(content) });
  const images = Array.isArray(content) ? imageParts((content as readonly unknown[]).filter(isJsonObject)) : [];
  if (images.length > 0) chat.push({ role: 'user', content: images });
}

function resultText(content: unknown): string {
  if (!Array.isArray(content)) return textOr(content, '');
  const texts = (content as readonly unknown[]).filter((item) => isJsonObject(item) && item.type === 'text');
  return texts.map((item) => textOr((item as JsonObject).text, '')).join('\n');
}

function imageParts(blocks: readonly JsonObject[]): readonly JsonObject[] {
  return blocks.flatMap(({ type, source }) => {
    const url = type === 'image' && isJsonObject(source) ? imageUrl(source) : '';
    return url === '' ? [] : [{ type: 'image_url', image_url: { url } }];
  });
}

function imageUrl({ type, url, media_type: mediaType, data }: JsonObject): string {
  if (type === 'url' || textOr(url, '') !== '') return textOr(url, '');
  const base64 = textOr(data, '');
  return base64 === '' ? '' : `data:${textOr(mediaType, DEFAULT_IMAGE_TYPE)};base64,${base64}`;
}

/** Arguments as Python writes them: they become part of the prompt. */
function callOf({ id, name, input }: JsonObject): JsonObject {
  const call = { name: textOr(name, ''), arguments: pythonJson(input ?? {}) };
  return { id: textOr(id, '') || MISSING_CALL_ID, type: 'function', function: call };
}

function toolOf(tool: unknown): JsonObject {
  const { name, description, input_schema: schema, strict, defer_loading } = isJsonObject(tool) ? tool : {};
  const parameters = schema ?? { type: 'object' };
  return {
    type: 'function',
    function: { name, ...(textOr(description, '') !== '' && { description }), parameters, strict, defer_loading },
  };
}

function textOr(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}

function hasItems(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.length > 0;
}
