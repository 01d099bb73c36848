import { isJsonObject, type JsonObject } from './json-object.ts';
import { jsonText, PromptBytes, tokenBytes } from './prompt-bytes.ts';
import { audioTokens, imageTokens, videoTokens } from './prompt-media.ts';

/*
 * What prefix caching sees of the OpenAI-style requests.
 * Source: contract `wire-protocol.md` 3.3 and 3.5, `config-and-plugins.md` 3.5 (token producer, `estimate`).
 */

/** Tools as JSON, then role and text of each message, with no separators; media as placeholders. */
export function chatPrompt(body: JsonObject): Uint8Array {
  const prompt = new PromptBytes();
  if (body.tools !== null) prompt.json(body.tools);
  for (const message of body.messages as readonly unknown[]) {
    if (!isJsonObject(message)) continue;
    if (typeof message.role === 'string') prompt.text(message.role);
    addContent(prompt, message.content);
  }
  return prompt.bytes();
}

/** The prompts of a completion: a text, texts, token ids, or lists of token ids; one entry per prompt. */
export function completionPrompts(prompt: unknown): readonly Uint8Array[] {
  if (typeof prompt === 'string') return [Buffer.from(prompt, 'utf8')];
  if (isTokenIds(prompt)) return [tokenBytes(prompt)];
  if (!Array.isArray(prompt)) return [];
  return prompt.flatMap((item: unknown) => {
    if (typeof item === 'string') return [Buffer.from(item, 'utf8')];
    return isTokenIds(item) ? [tokenBytes(item)] : [];
  });
}

/** Token ids are themselves, any other input is its JSON. */
export function embeddingsPrompt(input: unknown): Uint8Array {
  return isTokenIds(input) ? tokenBytes(input) : jsonPrompt(input);
}

/** The JSON of instructions, tools and input, each in an object of its own, absent ones left out. */
export function responsesPrompt(body: JsonObject): Uint8Array {
  const parts: JsonObject[] = [];
  for (const name of ['instructions', 'tools', 'input']) {
    const value = body[name];
    if (value !== undefined && value !== null) parts.push({ [name]: value });
  }
  return jsonPrompt(parts);
}

/** Any value's JSON. */
export function jsonPrompt(value: unknown): Uint8Array {
  return Buffer.from(jsonText(value), 'utf8');
}

/** Whether a value is a list of token ids, unsigned 32-bit integers; an empty list is. */
export function isTokenIds(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'number' && item === item >>> 0);
}

function addContent(prompt: PromptBytes, content: unknown): void {
  if (typeof content === 'string') prompt.text(content);
  if (!Array.isArray(content)) return;
  for (const block of content as readonly unknown[]) {
    if (typeof block === 'string') prompt.text(block);
    else if (isJsonObject(block)) addBlock(prompt, block);
  }
}

function addBlock(prompt: PromptBytes, block: JsonObject): void {
  if (typeof block.text === 'string') return prompt.text(block.text);
  const image = textOf(block.image_url, 'url');
  if (image !== '') return prompt.media(image, imageTokens(image));
  const video = textOf(block.video_url, 'url');
  if (video !== '') return prompt.media(video, videoTokens());
  const audio = textOf(block.input_audio, 'data');
  if (audio !== '') return prompt.media(audio, audioTokens(audio, textOf(block.input_audio, 'format')));
  // What nobody knows still tells prompts apart.
  prompt.json(block);
}

function textOf(value: unknown, field: string): string {
  const text = isJsonObject(value) ? value[field] : undefined;
  return typeof text === 'string' ? text : '';
}
