/** Sizes of prompts that parts of the picker are measured with. */
export const PROMPT_SIZES = [
  ['1.5 kB', 1500],
  ['60 kB', 60_000],
  ['500 kB', 500_000],
  ['4 MB', 4_000_000],
] as const;

/** The body of a chat whose user says `bytes` of text. */
export function chatBody(bytes: number, chat: number): Buffer {
  const text = `chat ${chat} says "so"\n`.repeat(Math.ceil(bytes / 9)).slice(0, bytes);
  const messages = [
    { role: 'system', content: 'You are a helpful assistant.' },
    { role: 'user', content: text },
  ];
  return Buffer.from(JSON.stringify({ model: 'meta-llama/Llama-3.1-8B-Instruct', max_tokens: 100, messages }));
}
