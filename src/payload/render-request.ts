import type { RenderRequest } from '../core/prompt.ts';
import { chatOfMessages } from './anthropic-chat.ts';
import { isJsonObject, type JsonObject, joinPieces } from './json-object.ts';
import { modelSpan } from './json-span.ts';
import { renameModel } from './model-rename.ts';

/** Makes the render request of a body given as its pieces; `model` is the one the rendering server knows. */
export type MakeRenderRequest = (pieces: readonly Uint8Array[], model: string) => RenderRequest;

/** A chat is rendered as it came. */
export function chatRender({ messages }: JsonObject): MakeRenderRequest {
  return (pieces, model) => ({ api: 'chat', media: hasParts(messages), body: () => renamed(pieces, model) });
}

/** A completion is rendered as it came. */
export const completionRender: MakeRenderRequest = (pieces, model) => ({
  api: 'completions',
  media: false,
  body: () => renamed(pieces, model),
});

/** No server renders Anthropic's own form. */
export function messagesRender(body: JsonObject): MakeRenderRequest {
  return (_pieces, model) => {
    const chat = chatOfMessages(body, model);
    return { api: 'chat', media: hasParts(chat.messages), body: () => JSON.stringify(chat) };
  };
}

function renamed(pieces: readonly Uint8Array[], model: string): Uint8Array {
  const whole = joinPieces(pieces);
  const span = modelSpan(whole);
  return span === undefined ? whole : joinPieces(renameModel([whole], span, model));
}

/** Content in parts may hold media. */
function hasParts(messages: unknown): boolean {
  return (
    Array.isArray(messages) &&
    messages.some((message: unknown) => isJsonObject(message) && Array.isArray(message.content))
  );
}
