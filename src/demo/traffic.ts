import type { Random } from '../core/random.ts';
import { prose } from './prose.ts';

/** One request, and when it is sent whatever became of the others. */
export interface PlannedRequest {
  /** Since the start of the traffic. */
  readonly atMs: number;
  /** Who sends it: `tenant-3`, or `walk-in` for short chats without a shared prompt. */
  readonly tenant: string;
  readonly stream: boolean;
  /** JSON for `/v1/chat/completions`. */
  readonly body: string;
}

export interface TrafficOptions {
  readonly random: Random;
  readonly model: string;
  /** Mean arrivals per second; gaps are exponential (open loop). */
  readonly ratePerSecond: number;
  readonly durationMs: number;
}

interface Message {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

interface Conversation {
  readonly messages: Message[];
  nextTurnAtMs: number;
  turns: number;
}

interface Tenant {
  readonly name: string;
  readonly system: Message;
  conversations: Conversation[];
}

const TENANTS = 6;
const SHARE_OF_WALK_INS = 0.25;
const SHARE_OF_STREAMS = 0.7;
const SHARE_OF_NEXT_TURNS = 0.6;
const MAX_TURNS = 6;
/** How long a person reads and types before the next turn. */
const THINKING_MS = 2_000;

/**
 * A believable hour in small: six tenants of unequal size, each with a system prompt of 2 to 8 kB that all of its
 * requests share, conversations of several turns, and short chats that share nothing. The same `random` gives the
 * same traffic. Earlier answers in a conversation are made up, so the plan does not depend on what servers say.
 */
export function* planTraffic(options: TrafficOptions): Generator<PlannedRequest> {
  const { random, model, ratePerSecond, durationMs } = options;
  const tenants = Array.from({ length: TENANTS }, (_, index) => makeTenant(index, random));
  let atMs = 0;
  for (;;) {
    atMs += (-Math.log(1 - random.next()) / ratePerSecond) * 1000;
    if (atMs >= durationMs) return;
    const stream = random.next() < SHARE_OF_STREAMS;
    const walkIn = random.next() < SHARE_OF_WALK_INS;
    const tenant = walkIn ? undefined : pickTenant(tenants, random);
    const messages = tenant === undefined ? [userMessage(random)] : nextTurn(tenant, atMs, random);
    const body = JSON.stringify({
      model,
      messages,
      max_tokens: answerTokens(random),
      ...(stream ? { stream, stream_options: { include_usage: true } } : {}),
    });
    yield { atMs, tenant: tenant?.name ?? 'walk-in', stream, body };
  }
}

function makeTenant(index: number, random: Random): Tenant {
  const name = `tenant-${index + 1}`;
  const content = `You are the assistant of ${name}. ${prose(random, 2_000 + random.below(6_000))}`;
  return { name, system: { role: 'system', content }, conversations: [] };
}

/** The first tenant is the largest, the second half as large, and so on (Zipf). */
function pickTenant(tenants: readonly Tenant[], random: Random): Tenant {
  const total = tenants.reduce((sum, _, index) => sum + 1 / (index + 1), 0);
  let left = random.next() * total;
  for (const [index, tenant] of tenants.entries()) {
    left -= 1 / (index + 1);
    if (left < 0) return tenant;
  }
  return tenants[0];
}

function nextTurn(tenant: Tenant, atMs: number, random: Random): readonly Message[] {
  const idle = tenant.conversations.find((conversation) => conversation.nextTurnAtMs <= atMs);
  const conversation = idle !== undefined && random.next() < SHARE_OF_NEXT_TURNS ? idle : openConversation(tenant);
  if (conversation.turns > 0) conversation.messages.push({ role: 'assistant', content: prose(random, 300) });
  conversation.messages.push(userMessage(random));
  conversation.turns++;
  conversation.nextTurnAtMs = atMs + THINKING_MS * (0.5 + random.next());
  if (conversation.turns === MAX_TURNS) {
    tenant.conversations = tenant.conversations.filter((other) => other !== conversation);
  }
  return conversation.messages;
}

function openConversation(tenant: Tenant): Conversation {
  const conversation: Conversation = { messages: [tenant.system], nextTurnAtMs: 0, turns: 0 };
  tenant.conversations.push(conversation);
  return conversation;
}

function userMessage(random: Random): Message {
  return { role: 'user', content: prose(random, 40 + random.below(400)) };
}

/** 16 to 128 tokens, short answers more often than long ones. */
function answerTokens(random: Random): number {
  return Math.round(16 * 8 ** random.next());
}
