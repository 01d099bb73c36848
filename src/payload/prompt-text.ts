import { isJsonObject, type JsonObject } from './json-object.ts';

/**
 * The bytes prefix caching sees of a chat: tools as JSON, then role and text of each message, with no separators.
 * Source: contract `wire-protocol.md` 3.3 and 3.5.
 */
export function chatPrompt(body: JsonObject): Uint8Array {
  let text = body.tools === undefined ? '' : JSON.stringify(body.tools);
  for (const message of body.messages as readonly unknown[]) {
    if (!isJsonObject(message)) continue;
    if (typeof message.role === 'string') text += message.role;
    text += contentText(message.content);
  }
  return Buffer.from(text, 'utf8');
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

/** Whether a value is a list of token ids, unsigned 32-bit integers. */
function isTokenIds(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'number' && item === item >>> 0);
}

function contentText(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  let text = '';
  for (const block of content as readonly unknown[]) {
    if (!isJsonObject(block)) continue;
    // What is not text still tells prompts apart: two images must not look like one prefix.
    text += typeof block.text === 'string' ? block.text : JSON.stringify(block);
  }
  return text;
}

/** Token ids as little-endian 32-bit words: four bytes a token, as for text. */
function tokenBytes(ids: readonly number[]): Uint8Array {
  const bytes = Buffer.allocUnsafe(ids.length * 4);
  for (let i = 0; i < ids.length; i++) bytes.writeUInt32LE(ids[i], i * 4);
  return bytes;
}
