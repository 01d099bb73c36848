import { isJsonObject, type JsonObject } from './json-object.ts';
import { PromptBytes } from './prompt-bytes.ts';
import { imageDataTokens, imageTokens } from './prompt-media.ts';

/** A client's accounting line: it changes with every request and is no part of the prompt. */
const BILLING_LINE = 'x-anthropic-billing-header';

/**
 * What prefix caching sees of an Anthropic request: tools as JSON, the system text, then role and content of each
 * message, with no separators. Source: contract `wire-protocol.md` 3.3.
 */
export function messagesPrompt(body: JsonObject): Uint8Array {
  const prompt = new PromptBytes();
  if (body.tools !== null) prompt.json(body.tools);
  addSystem(prompt, body.system);
  for (const message of body.messages as readonly unknown[]) {
    if (!isJsonObject(message)) continue;
    if (typeof message.role === 'string') prompt.text(message.role);
    addContent(prompt, message.content);
  }
  return prompt.bytes();
}

function addSystem(prompt: PromptBytes, system: unknown): void {
  if (typeof system === 'string') prompt.text(system);
  if (!Array.isArray(system)) return;
  for (const block of system as readonly unknown[]) {
    const text = isJsonObject(block) ? block.text : undefined;
    if (typeof text === 'string' && !text.startsWith(BILLING_LINE)) prompt.text(text);
  }
}

function addContent(prompt: PromptBytes, content: unknown): void {
  if (typeof content === 'string') prompt.text(content);
  if (!Array.isArray(content)) return;
  for (const block of content as readonly unknown[]) {
    if (isJsonObject(block)) addBlock(prompt, block);
  }
}

/** A tool's result may hold blocks itself, text and images, but no further result: one level is read. */
function addBlock(prompt: PromptBytes, block: JsonObject, nested = false): void {
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
      return addImage(prompt, block);
    case 'tool_result':
      if (!nested) addResult(prompt, block.content);
      return;
    default:
      // What nobody knows still tells prompts apart.
      prompt.json(block);
  }
}

function addResult(prompt: PromptBytes, content: unknown): void {
  if (typeof content === 'string') prompt.text(content);
  if (!Array.isArray(content)) return;
  for (const block of content as readonly unknown[]) {
    if (isJsonObject(block)) addBlock(prompt, block, true);
  }
}

function addText(prompt: PromptBytes, text: unknown): void {
  if (typeof text === 'string') prompt.text(text);
}

function addImage(prompt: PromptBytes, block: JsonObject): void {
  const { source } = block;
  if (isJsonObject(source) && typeof source.data === 'string') {
    prompt.media(source.data, imageDataTokens(source.data));
  } else if (isJsonObject(source) && typeof source.url === 'string') {
    prompt.media(source.url, imageTokens(source.url));
  } else {
    prompt.json(block);
  }
}
