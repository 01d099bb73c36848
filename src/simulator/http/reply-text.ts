import type { Prompt } from '../engine/prompt.ts';

/** What the simulated model knows. Plain ASCII without quotes or backslashes, so that it is its own JSON. */
const ESSAY = [
  'A railway pointsman works where lines divide. Every train that comes down the line has somewhere to be, and',
  'somebody has to decide which track it takes. The driver cannot see round the curve. The pointsman can, because he',
  'knows which platforms are full, which engines are still taking on water, and which line was closed an hour ago. He',
  'does not move the trains himself. He moves a short piece of rail, and the weight of the train does the rest. That is',
  'why the work is quick when it is done well and expensive when it is not. A train sent to a full platform waits',
  'outside the station, and the train behind it waits too. A train sent to an empty one is gone before anybody notices.',
  'The trade has a few rules, and they are easy to write down. Look before you throw the lever. Never trust a signal',
  'that has not changed all day, because a broken lamp shows the same colour as a quiet line. Keep your own book of what',
  'you sent where, since the telegraph is always a little behind. If two platforms look alike, do not send everything to',
  'the first. When a line fails, have the next one ready, and try the failed one again later with something light. Some',
  'trains carry mail for a town that already has most of it sorted. It pays to send such a train where the sorting was',
  'done last time, unless the queue there is long. Then the saving is lost on the platform, and a fresh start somewhere',
  'quiet is faster. The hard part is to weigh the one against the other in the time it takes a train to pass the cabin.',
  'Good pointsmen seem to do it without thinking. In truth they have thought about it beforehand, on slow evenings, with',
  'a pencil. They know what each platform can take in an hour and what a full one costs. They have seen the timetable',
  'fail and know which parts of it fail first. So when the bell rings they only have to read the board and choose.',
  'Visitors ask whether the job could be done by a machine. It could, and in most places it now is. The machine has the',
  'same levers and the same book. It is only as good as what it knows about the line, how soon it knows it, and whether',
  'it can tell a quiet platform from a dead one. ',
].join(' ');

const TOKEN_BYTES = 4;
const PIECES = Array.from({ length: Math.ceil(ESSAY.length / TOKEN_BYTES) }, (_, index) =>
  ESSAY.slice(index * TOKEN_BYTES, (index + 1) * TOKEN_BYTES).padEnd(TOKEN_BYTES),
);
/** The same numbers the prompt tokeniser makes of the same bytes. */
const TOKENS = Int32Array.from(PIECES, (piece) => Buffer.from(piece).readInt32LE());
const TEXT_OF = new Map(PIECES.map((piece, index) => [TOKENS[index], piece]));
/** Places where a sentence starts on a token. */
const STARTS = PIECES.flatMap((_, index) =>
  index === 0 || ESSAY[index * TOKEN_BYTES - 2] === '.' ? [index] : [],
).filter((index) => /[A-Z]/.test(ESSAY.charAt(index * TOKEN_BYTES)));

/** An endless answer to a prompt: one seed gives one answer, as a model without randomness would. */
export class Reply {
  #next: number;

  constructor(prompt: Prompt, seed: number) {
    const mixed = Math.imul(prompt.chain.a ^ prompt.chain.b ^ seed, 0x9e3779b1) >>> 8;
    this.#next = STARTS[mixed % STARTS.length];
  }

  readonly nextToken = (): number => {
    const token = TOKENS[this.#next];
    this.#next = (this.#next + 1) % TOKENS.length;
    return token;
  };
}

/** The text of a token that a `Reply` made. */
export function textOf(token: number): string {
  return TEXT_OF.get(token) ?? '';
}
