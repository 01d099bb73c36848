import type { FinishReason } from '../engine/sequence.ts';
import type { Api } from './inference-request.ts';

/** What all parts of one answer have in common. */
export interface ReplyIdentity {
  readonly api: Api;
  readonly id: string;
  /** Unix time in seconds. */
  readonly created: number;
  readonly model: string;
}

/** Token counts of an answer. */
export interface Usage {
  readonly prompt: number;
  readonly completion: number;
  /** Prompt tokens that came from the prefix cache. */
  readonly cached: number;
}

/** The `usage` object. As in vLLM, prompts without a cached token have no details. */
export function usageObject({ prompt, completion, cached }: Usage): object {
  return {
    prompt_tokens: prompt,
    total_tokens: prompt + completion,
    completion_tokens: completion,
    prompt_tokens_details: cached > 0 ? { cached_tokens: cached } : null,
  };
}

/** A whole answer. */
export function wholeReply(
  identity: ReplyIdentity,
  choices: readonly { readonly text: string; readonly finish: FinishReason }[],
  usage: Usage,
): object {
  const chat = identity.api === 'chat';
  return {
    id: identity.id,
    object: chat ? 'chat.completion' : 'text_completion',
    created: identity.created,
    model: identity.model,
    choices: choices.map(({ text, finish }, index) => ({
      index,
      ...(chat ? { message: { role: 'assistant', content: text } } : { text }),
      logprobs: null,
      finish_reason: finish,
    })),
    usage: usageObject(usage),
  };
}

/** The events of a streamed answer, as `data:` lines in ASCII, with one hole per token. */
export interface EventTemplates {
  /** First event of a choice, before its first token; empty where the API has none. */
  opening(choice: number): string;
  /** What stands before and after a token's text. */
  token(choice: number): { readonly before: string; readonly after: string };
  /** What stands after the text of a choice's last token. */
  last(finish: FinishReason): string;
  usage(usage: Usage): string;
}

/** `data: [DONE]`, the end of every stream. */
export const DONE_EVENT = 'data: [DONE]\n\n';

/** Builds the fixed parts of an answer's events once, so that a token costs two concatenations. */
export function eventTemplates(identity: ReplyIdentity): EventTemplates {
  const chat = identity.api === 'chat';
  const object = chat ? 'chat.completion.chunk' : 'text_completion';
  const head = ascii(
    `data: {"id":${JSON.stringify(identity.id)},"object":"${object}","created":${identity.created},"model":${JSON.stringify(identity.model)},"choices":[`,
  );
  const close = chat ? '"}' : '"';
  return {
    opening: (choice) =>
      chat
        ? `${head}{"index":${choice},"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}\n\n`
        : '',
    token: (choice) => ({
      before: chat ? `${head}{"index":${choice},"delta":{"content":"` : `${head}{"index":${choice},"text":"`,
      after: `${close},"logprobs":null,"finish_reason":null}]}\n\n`,
    }),
    last: (finish) => `${close},"logprobs":null,"finish_reason":"${finish}"}]}\n\n`,
    usage: (usage) => `${head}],"usage":${JSON.stringify(usageObject(usage))}}\n\n`,
  };
}

/** JSON with everything outside ASCII escaped, so that characters are bytes. */
function ascii(json: string): string {
  return json.replace(/[\u0080-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
