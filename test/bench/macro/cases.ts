import type { Effort } from '../harness.ts';
import { ISTIO_AUTHORITY, PLAIN_AUTHORITY } from './authorities.ts';
import { type Conversation, conversation } from './conversation.ts';

/** A closed loop of ext_proc streams against a picker with a given number of endpoints. */
export interface LoadCase {
  readonly name: string;
  readonly endpoints: number;
  readonly requests: number;
  readonly connections: number;
  readonly streams: number;
  readonly authority: string;
  /** Pieces of response in each stream, where CPU is told per piece, too. */
  readonly pieces?: number;
  readonly conversations: () => readonly Conversation[];
}

export const POOL_SIZES = [8, 100, 1000] as const;

const small = (): Conversation[] => [conversation(1500, 0)];
const chats = (): Conversation[] => Array.from({ length: 400 }, (_, chat) => conversation(1500, 0, chat + 1));

/** The load cases in the order they run, which keeps those of one pool together. */
export function loadCases({ quick }: Effort): LoadCase[] {
  const of = (
    name: string,
    requests: number,
    conversations: () => readonly Conversation[],
    changes: Partial<LoadCase> = {},
  ): LoadCase => ({
    name,
    endpoints: Number(name.slice(name.lastIndexOf('-') + 1)),
    requests: quick ? Math.ceil(requests / 10) : requests,
    connections: 4,
    streams: 8,
    authority: PLAIN_AUTHORITY,
    conversations,
    ...changes,
  });
  const many = { streams: 16 };
  return [
    of('serial-8', 300, small, { connections: 1, streams: 1 }),
    of('small-8', 20_000, small, many),
    of('small-istio-8', 20_000, small, { ...many, authority: ISTIO_AUTHORITY }),
    of('chats-8', 20_000, chats, many),
    of('response-8', 20_000, () => [conversation(1500, 1)], many),
    of('sse50-8', 2000, () => [conversation(1500, 50)]),
    of('sse10k-8', 20, () => [conversation(1500, 10_000)], { connections: 1, streams: 2, pieces: 10_000 }),
    of('60kB-8', 3000, () => [conversation(60_000, 0)]),
    of('500kB-8', 400, () => [conversation(500_000, 0)]),
    of('serial-100', 300, small, { connections: 1, streams: 1 }),
    of('small-100', 4000, small),
    of('serial-1000', 300, small, { connections: 1, streams: 1 }),
    of('small-1000', 4000, small),
  ];
}
