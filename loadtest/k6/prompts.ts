import { SharedArray } from 'k6/data';
import type { Random } from '../../src/core/random.ts';
import { prose } from '../../src/demo/prose.ts';
import { seededRandom } from '../../src/lib/random.ts';

const SENTENCES = 400;
const TENANTS = 6;

/** Made once for all users: making text is slow here. */
const sentences = new SharedArray('sentences', () => {
  const random = seededRandom(1);
  return Array.from({ length: SENTENCES }, () => prose(random, 60));
});

/** System prompts of 4 to 8 kB, each shared by all requests of a tenant. */
const systemPrompts = new SharedArray('system prompts', () => {
  const random = seededRandom(2);
  return Array.from({ length: TENANTS }, (_, tenant) => {
    return `You are the assistant of tenant ${tenant + 1}. ${prose(random, 4_000 + random.below(4_000))}`;
  });
});

/** Chance of a user of its own, the same in every run. */
export function userRandom(user: number): Random {
  return seededRandom(1_000 + user);
}

/** Text nobody has sent before: `tag` comes first, so that not even its first block is in a cache. */
export function freshText(tag: string, chars: number, random: Random): string {
  let text = `[${tag}]`;
  while (text.length < chars) text += ` ${sentences[random.below(SENTENCES)]}`;
  return text;
}

/** The first tenant's system prompt is asked for most, the second's half as often, and so on (Zipf). */
export function sharedPrefix(random: Random): string {
  let left = random.next() * HARMONIC;
  for (let tenant = 0; tenant < TENANTS; tenant += 1) {
    left -= 1 / (tenant + 1);
    if (left < 0) return systemPrompts[tenant];
  }
  return systemPrompts[0];
}

const HARMONIC = Array.from({ length: TENANTS }, (_, tenant) => 1 / (tenant + 1)).reduce((sum, one) => sum + one, 0);
