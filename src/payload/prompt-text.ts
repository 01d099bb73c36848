import type { Headers } from '../core/headers.ts';
import type { MediaTokens, TokenizedPrompt } from '../core/prompt.ts';
import { isJsonObject, type JsonObject } from './json-object.ts';
import { jsonText, PromptBytes, promptOf, tokenBytes } from './prompt-bytes.ts';

/*
 * What prefix caching sees of the OpenAI-style requests.
 * Source: contract `wire-protocol.md` 3.3 and 3.5, `config-and-plugins.md` 3.5 (token producer, `estimate`).
 */

/** Tools as JSON, then role and text of each message, with no separators; media as placeholders. */
export function chatPrompt(body: JsonObject, media: MediaTokens, headers: Headers): TokenizedPrompt {
  const prompt = new PromptBytes();
  if (body.tools !== null) prompt.json(body.tools);
  for (const message of body.messages as readonly unknown[]) {
    if (!isJsonObject(message)) continue;
    if (typeof message.role === 'string') prompt.text(message.role);
    addContent(prompt, message.content, media, headers);
  }
  return prompt.prompt();
}

/** The prompts of a completion: a text, texts, token ids, or lists of token ids; one entry per prompt. */
export function completionPrompt(prompt: unknown): TokenizedPrompt {
  const prompts = Array.isArray(prompt) && !isTokenIds(prompt) ? (prompt as readonly unknown[]) : [prompt];
  return promptOf(prompts.flatMap((item) => bytesOf(item) ?? []));
}

/** Whether a completion's prompt is token ids already, in one list or several. */
export function isTokenized(prompt: unknown): boolean {
  return isTokenIds(prompt) || (Array.isArray(prompt) && prompt.every((item: unknown) => isTokenIds(item)));
}

/** Token ids are themselves, any other input is its JSON. */
export function embeddingsPrompt(input: unknown): TokenizedPrompt {
  return isTokenIds(input) ? promptOf([tokenBytes(input)]) : jsonPrompt(input);
}

/** The JSON of instructions, tools and input, each in an object of its own, absent ones left out. */
export function responsesPrompt(body: JsonObject): TokenizedPrompt {
  const parts: JsonObject[] = [];
  for (const name of ['instructions', 'tools', 'input']) {
    const value = body[name];
    if (value !== undefined && value !== null) parts.push({ [name]: value });
  }
  return jsonPrompt(parts);
}

/** Any value's JSON. */
export function jsonPrompt(value: unknown): TokenizedPrompt {
  return promptOf([Buffer.from(jsonText(value), 'utf8')]);
}

/** Whether a value is a list of token ids, unsigned 32-bit integers; an empty list is. */
export function isTokenIds(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'number' && item === item >>> 0);
}

function bytesOf(item: unknown): Uint8Array | undefined {
  if (typeof item === 'string') return Buffer.from(item, 'utf8');
  return isTokenIds(item) ? tokenBytes(item) : undefined;
}

function addContent(prompt: PromptBytes, content: unknown, media: MediaTokens, headers: Headers): void {
  if (typeof content === 'string') prompt.text(content);
  if (!Array.isArray(content)) return;
  for (const block of content as readonly unknown[]) {
    if (typeof block === 'string') prompt.text(block);
    else if (isJsonObject(block)) addBlock(prompt, block, media, headers);
  }
}

function addBlock(prompt: PromptBytes, block: JsonObject, media: MediaTokens, headers: Headers): void {
  if (typeof block.text === 'string') return prompt.text(block.text);
  const image = textOf(block.image_url, 'url');
  if (image !== '') return prompt.media('image', image, media.imageUrl(image));
  const video = textOf(block.video_url, 'url');
  if (video !== '') return prompt.media('video', video, media.video(headers));
  const audio = textOf(block.input_audio, 'data') || textOf(block.audio_url, 'url');
  if (audio !== '') {
    const format = textOf(block.input_audio, 'format');
    return prompt.media('audio', audio, media.audio(audio, format));
  }
  // What nobody knows still tells prompts apart.
  prompt.json(block);
}

function textOf(value: unknown, field: string): string {
  const text = isJsonObject(value) ? value[field] : undefined;
  return typeof text === 'string' ? text : '';
}
