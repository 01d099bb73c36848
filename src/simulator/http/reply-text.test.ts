import { expect, it } from 'vitest';
import { TokenChain } from '../engine/prompt.ts';
import { chatPrompt } from './prompt-text.ts';
import { Reply, textOf } from './reply-text.ts';

function write(seed: number, question: string, tokens: number): string {
  const reply = new Reply(chatPrompt([{ role: 'user', content: question }], [], ''), seed);
  return Array.from({ length: tokens }, () => textOf(reply.nextToken())).join('');
}

it('starts a sentence, goes on in words, and never ends', () => {
  const text = write(1, 'Hello', 3000);
  expect(text).toMatch(/^[A-Z]/);
  expect(text).toHaveLength(12_000);
  expect(text.split(' ').every((word) => word.length < 15)).toBe(true);
});

it('needs no escaping in JSON', () => {
  const text = write(1, 'Hello', 1000);
  expect(JSON.stringify(text)).toBe(`"${text}"`);
});

it('one seed and one prompt give one text; others mostly do not', () => {
  const texts = new Set(Array.from({ length: 40 }, (_, index) => write(1, `Question ${index}`, 50)));
  expect(write(7, 'Hello', 50)).toBe(write(7, 'Hello', 50));
  expect(texts.size).toBeGreaterThan(3);
});

it('sent back as history, repeats the tokens it was generated as', () => {
  const question = { role: 'user', content: 'Where does the train go?' };
  const first = chatPrompt([question], [], '');
  const reply = new Reply(first, 1);
  const tokens = Array.from({ length: 100 }, reply.nextToken);
  const answer = { role: 'assistant', content: tokens.map(textOf).join('') };
  const second = chatPrompt([question, answer, { role: 'user', content: 'And then?' }], [], '');

  const hashes = [...first.hashes];
  const chain = new TokenChain(first.chain, first.tokens);
  for (const token of tokens) if (chain.add(token)) hashes.push(chain.hash());
  expect(hashes.length).toBeGreaterThan(5);
  expect(second.hashes.slice(0, hashes.length)).toEqual(hashes);
});
