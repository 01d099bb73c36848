import type { MediaTokens, TokenizedPrompt } from '../core/prompt.ts';
import { isJsonObject, type JsonObject } from './json-object.ts';
import { PromptBytes } from './prompt-bytes.ts';

/** A client's accounting line: it changes with every request and is no part of the prompt. */
const BILLING_LINE = 'x-anthropic-billing-header';

/**
 * What prefix caching sees of an Anthropic request: tools as JSON, the system text, then role and content of each
 * message, with no separators. Source: contract `wire-protocol.md` 3.3.
 */
export function messagesPrompt(body: JsonObject, media: MediaTokens): TokenizedPrompt {
  const prompt = new PromptBytes();
  if (body.tools !== null) prompt.json(body.tools);
  prompt.text(systemText(body.system));
  for (const message of body.messages as readonly unknown[]) {
    if (!isJsonObject(message)) continue;
    if (typeof message.role === 'string') prompt.text(message.role);
    addContent(prompt, message.content, media);
  }
  return prompt.prompt();
}

/** A system prompt's text, its blocks without separators. */
export function systemText(system: unknown): string {
  if (typeof system === 'string') return system;
  if (!Array.isArray(system)) return '';
  let all = '';
  for (const block of system as readonly unknown[]) {
    const text = isJsonObject(block) ? block.text : undefined;
    if (typeof text === 'string' && !text.startsWith(BILLING_LINE)) all += text;
  }
  return all;
}

function addContent(prompt: PromptBytes, content: unknown, media: MediaTokens): void {
  if (typeof content === 'string') prompt.text(content);
  if (!Array.isArray(content)) return;
  for (const block of content as readonly unknown[]) {
    if (isJsonObject(block)) addBlock(prompt, block, media);
  }
}

/** A tool's result may hold blocks itself, text and images, but no further result: one level is read. */
function addBlock(prompt: PromptBytes, block: JsonObject, media: MediaTokens, nested = false): void {
  switch (block.type) {
    case 'text':
      return addText(prompt, block.text);
    case 'thinking':
      return addText(prompt, block.thinking);
    case 'tool_use':
      addText(prompt, block.id);
      addText(prompt, block.name);
      return prompt.json(block.input);
    case 'image':
      return addImage(prompt, block, media);
    case 'tool_result':
      if (!nested) addResult(prompt, block.content, media);
      return;
    default:
      // What nobody knows still tells prompts apart.
      prompt.json(block);
  }
}

function addResult(prompt: PromptBytes, content: unknown, media: MediaTokens): void {
  if (typeof content === 'string') prompt.text(content);
  if (!Array.isArray(content)) return;
  for (const block of content as readonly unknown[]) {
    if (isJsonObject(block)) addBlock(prompt, block, media, true);
  }
}

function addText(prompt: PromptBytes, text: unknown): void {
  if (typeof text === 'string') prompt.text(text);
}

function addImage(prompt: PromptBytes, block: JsonObject, media: MediaTokens): void {
  const { source } = block;
  if (isJsonObject(source) && typeof source.data === 'string') {
    prompt.media('image', source.data, media.imageData(source.data));
  } else if (isJsonObject(source) && typeof source.url === 'string') {
    prompt.media('image', source.url, media.imageUrl(source.url));
  } else {
    prompt.json(block);
  }
}
