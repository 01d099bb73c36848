import type { Random } from '../../src/core/random.ts';
import type { ChatOptions } from './chat.ts';
import { text } from './env.ts';
import { freshText, sharedPrefix } from './prompts.ts';

/**
 * `chat`: a short prompt, answered whole. `prefix`: a short question after one of six long system prompts, answered
 * whole. `stream`: a short prompt, streamed. `first-token`: like `prefix`, with one token of answer, so that its first
 * byte is its first token.
 */
export const KINDS = ['chat', 'prefix', 'stream', 'first-token'] as const;

export type Kind = (typeof KINDS)[number];

export type Mix = Readonly<Record<Kind, number>>;

const DEFAULT_MIX = 'chat=35,prefix=25,stream=20,first-token=20';

/** Shares by kind from the variable MIX, like `chat=1,stream=1`. Throws for a kind there is not. */
export function readMix(): Mix {
  const mix: Record<Kind, number> = { chat: 0, prefix: 0, stream: 0, 'first-token': 0 };
  for (const part of text('MIX', DEFAULT_MIX).split(',')) {
    const [name = '', weight = ''] = part.split('=');
    const kind = KINDS.find((one) => one === name.trim());
    const value = Number(weight);
    if (kind === undefined || !(value >= 0) || weight.trim() === '') {
      throw new Error(`MIX: "${part}" is not KIND=WEIGHT with a kind of ${KINDS.join(', ')}`);
    }
    mix[kind] = value;
  }
  if (KINDS.every((kind) => mix[kind] === 0)) throw new Error('MIX: all weights are 0');
  return mix;
}

export function drawKind(mix: Mix, random: Random): Kind {
  let left = random.next() * KINDS.reduce((sum, kind) => sum + mix[kind], 0);
  return KINDS.find((kind) => (left -= mix[kind]) < 0) ?? 'chat';
}

/** The next request of a kind; `tag` is unique in the run. */
export function chatOf(kind: Kind, tag: string, random: Random): ChatOptions {
  const user = freshText(tag, 60 + random.below(300), random);
  const maxTokens = kind === 'first-token' ? 1 : 16 + random.below(17);
  if (kind === 'chat') return { user, maxTokens, stream: false };
  if (kind === 'stream') return { user, maxTokens: 2 * maxTokens, stream: true };
  return { system: sharedPrefix(random), user, maxTokens, stream: false };
}
