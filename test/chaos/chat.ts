import { type Agent, type IncomingMessage, request, type RequestOptions } from 'node:http';
import * as v from 'valibot';

/** What is asked for; the simulator answers one prompt with one text, whichever server it is. */
export interface Chat {
  readonly prompt: string;
  readonly stream: boolean;
}

/** What became of a chat. */
export interface Exchange extends Chat {
  readonly id: number;
  /** `performance.now()` when it was sent and when nothing more came. */
  readonly startedMs: number;
  readonly endedMs: number;
  /** 0 when no answer began. */
  readonly status: number;
  /** Name of the server whose answer it was. */
  readonly server: string | undefined;
  /** Whether an answer began and its connection broke before the end. */
  readonly cut: boolean;
  /** Whether the client left before the end. */
  readonly left: boolean;
  /** Whether the status is 200 and the whole answer came, and it is that to the prompt. */
  readonly right: boolean;
  /** What came instead; empty when it is right. */
  readonly problem: string;
}

export interface ChatParts {
  readonly url: string;
  readonly agent: Agent;
  /** The client leaves when it fires. */
  readonly leave: AbortSignal;
  /** The right answer. */
  readonly answer: string;
}

/** Name of the served model. */
export const MODEL = 'm';

const MAX_TOKENS = 32;
/** Far longer than any fault lasts: what is not over then is stuck. */
const TIMEOUT_MS = 60_000;
const SHOWN_CHARS = 160;

const Choices = v.object({
  choices: v.array(
    v.object({
      message: v.optional(v.object({ content: v.string() })),
      delta: v.optional(v.object({ content: v.optional(v.string()) })),
    }),
  ),
});

/** Sends one chat and resolves with what became of it, whatever that is. */
export async function exchange(id: number, chat: Chat, { url, agent, leave, answer }: ChatParts): Promise<Exchange> {
  const startedMs = performance.now();
  const signal = AbortSignal.any([leave, AbortSignal.timeout(TIMEOUT_MS)]);
  const reply = await post(`${url}/v1/chat/completions`, bodyOf(chat), { agent, signal });
  const endedMs = performance.now();
  const problem = problemOf(reply, chat, answer);
  const { status, server, broke } = reply;
  const cut = status !== 0 && broke !== undefined;
  return { ...chat, id, startedMs, endedMs, status, server, cut, left: leave.aborted, right: problem === '', problem };
}

/** The answer to a prompt, asked of a server itself. Rejects when there is none. */
export async function rightAnswer(url: string, prompt: string): Promise<string> {
  const { status, text } = await post(`${url}/v1/chat/completions`, bodyOf({ prompt, stream: false }));
  const answer = contentOf(text);
  if (status !== 200 || answer === undefined) throw new Error(`no answer to learn from: ${status} ${text}`);
  return answer;
}

function bodyOf({ prompt, stream }: Chat): string {
  const messages = [{ role: 'user', content: prompt }];
  return JSON.stringify({ model: MODEL, messages, max_tokens: MAX_TOKENS, stream });
}

interface Reply {
  readonly status: number;
  readonly server: string | undefined;
  readonly text: string;
  /** Why it is not whole. */
  readonly broke: string | undefined;
}

function post(url: string, body: string, options: RequestOptions = {}): Promise<Reply> {
  return new Promise((resolve) => {
    let answer: IncomingMessage | undefined;
    let text = '';
    const end = (broke: string | undefined): void => {
      const server = answer?.headers['x-inference-pod'];
      resolve({ status: answer?.statusCode ?? 0, server: server === undefined ? server : String(server), text, broke });
    };
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sent = request(url, { ...options, method: 'POST', headers }, (message) => {
      answer = message;
      message.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      message.on('error', (error) => end(error.message));
      message.on('end', () => end(undefined));
    });
    sent.on('error', (error) => end(error.message));
    sent.end(body);
  });
}

function problemOf({ status, text, broke }: Reply, { stream }: Chat, answer: string): string {
  const shown = (): string => JSON.stringify(text.slice(-SHOWN_CHARS));
  if (broke !== undefined) return `${broke} after ${text.length} characters`;
  if (status !== 200) return shown();
  const content = stream ? streamedContent(text) : contentOf(text);
  if (content === answer) return '';
  return content === undefined ? `not a whole chat completion: ${shown()}` : `wrong content: ${shown()}`;
}

/** The text of a stream; undefined when it is not whole. */
function streamedContent(text: string): string | undefined {
  const events = text.split('\n\n').filter((event) => event !== '');
  if (events.pop()?.trim() !== 'data: [DONE]') return undefined;
  const pieces = events.map((event) => contentOf(event.slice('data: '.length)));
  return pieces.includes(undefined) ? undefined : pieces.join('');
}

function contentOf(json: string): string | undefined {
  try {
    const [choice] = v.parse(Choices, JSON.parse(json)).choices;
    return choice?.message?.content ?? choice?.delta?.content ?? '';
  } catch {
    return undefined;
  }
}
