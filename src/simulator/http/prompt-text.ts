import { PromptBuilder, type Prompt } from '../engine/prompt.ts';

/** A part of a message's content; anything but text counts as its JSON. */
export interface ContentPart {
  readonly type: string;
  readonly text?: string | undefined;
}

export interface ChatMessage {
  readonly role: string;
  readonly content?: string | readonly ContentPart[] | null | undefined;
}

const END_OF_MESSAGE = -2;

/**
 * The prompt a chat template makes of a conversation: one token for each role, the text, one to end the message, and the
 * assistant's role last. An answer sent back as the next turn's history repeats the tokens it was generated as.
 */
export function chatPrompt(messages: readonly ChatMessage[], tools: readonly unknown[], salt: string): Prompt {
  const builder = new PromptBuilder().salt(salt);
  if (tools.length > 0) builder.text(JSON.stringify(tools));
  for (const message of messages) {
    builder.token(roleToken(message.role));
    addContent(builder, message);
    builder.token(END_OF_MESSAGE);
  }
  return builder.token(roleToken('assistant')).build();
}

/** The prompt of a text, or of tokens a client made itself. */
export function completionPrompt(prompt: string | readonly number[], salt: string): Prompt {
  const builder = new PromptBuilder().salt(salt);
  if (typeof prompt === 'string') builder.text(prompt);
  else for (const token of prompt) builder.token(token);
  return builder.build();
}

function addContent(builder: PromptBuilder, message: ChatMessage): void {
  const { role: _role, content, ...rest } = message;
  if (typeof content === 'string') builder.text(content);
  else for (const part of content ?? []) builder.text(part.type === 'text' ? (part.text ?? '') : JSON.stringify(part));
  if ('tool_calls' in rest) builder.text(JSON.stringify(rest.tool_calls));
}

/** Outside of what four bytes of text can be. */
function roleToken(role: string): number {
  let token = 0;
  for (let index = 0; index < role.length; index += 1) token = Math.imul(token, 31) + role.charCodeAt(index);
  return token | 0x8000_0000;
}
