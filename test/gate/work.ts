import { BlockHashes } from '../../src/lib/block-hash.ts';
import { PrefixIndex } from '../../src/datastore/prefix-index.ts';

/** How often something dear was done, and to how many bytes. */
export interface Tally {
  calls: number;
  bytes: number;
}

export type Work = Record<keyof typeof OPERATIONS, Tally>;

type Method = (this: unknown, ...args: never[]) => unknown;

interface Operation {
  readonly on: object;
  readonly methods: readonly string[];
  /** Bytes an operation touched, from what it was called on, with, and what it gave. */
  readonly bytes: (self: unknown, args: readonly unknown[], result: unknown) => number;
}

const lengthOf = (value: unknown): number => (value as { readonly length?: number } | undefined)?.length ?? 0;
const none = (): number => 0;

/** What the hot path is to do seldom, or once. Lengths of text are in characters. */
const OPERATIONS = {
  parse: { on: JSON, methods: ['parse'], bytes: (_self, [text]) => lengthOf(text) },
  stringify: { on: JSON, methods: ['stringify'], bytes: (_self, _args, text) => lengthOf(text) },
  /** Bytes that became text. */
  decode: {
    on: Buffer.prototype,
    methods: ['toString', 'utf8Slice', 'latin1Slice', 'asciiSlice'],
    bytes: (_self, _args, text) => lengthOf(text),
  },
  /** Pieces that were joined, which copies all of them. */
  concat: { on: Buffer, methods: ['concat'], bytes: (_self, _args, joined) => lengthOf(joined) },
  /** Bytes copied into memory that was there. */
  copy: {
    on: Buffer.prototype,
    methods: ['copy'],
    bytes: (_self, _args, copied) => copied as number,
  },
  timer: { on: globalThis, methods: ['setTimeout', 'setInterval', 'setImmediate'], bytes: none },
  match: { on: PrefixIndex.prototype, methods: ['match'], bytes: none },
  /** Prompts that were credited to an endpoint. */
  credit: { on: PrefixIndex.prototype, methods: ['addChain'], bytes: none },
  /** Prompts that were hashed. */
  hash: { on: BlockHashes.prototype, methods: ['endChain'], bytes: none },
} as const satisfies Record<string, Operation>;

/** Runs `work` and counts the operations in it. Not to be nested. */
export function countWork(work: () => void): Work {
  const counted = {} as Work;
  const originals: (() => void)[] = [];
  for (const [name, { on, methods, bytes }] of Object.entries<Operation>(OPERATIONS)) {
    const tally: Tally = { calls: 0, bytes: 0 };
    counted[name as keyof Work] = tally;
    for (const method of methods) originals.push(wrap(on as Record<string, Method>, method, tally, bytes));
  }
  try {
    work();
  } finally {
    for (const putBack of originals) putBack();
  }
  return counted;
}

/** Puts a counting function in place of a method; the answer undoes that. */
function wrap(on: Record<string, Method>, method: string, tally: Tally, bytes: Operation['bytes']): () => void {
  const original = on[method];
  on[method] = function counting(this: unknown, ...args) {
    const result = original.apply(this, args);
    tally.calls++;
    tally.bytes += bytes(this, args, result);
    return result;
  };
  return () => {
    on[method] = original;
  };
}
