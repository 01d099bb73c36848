import type { ServerResponse } from 'node:http';
import type { FinishReason } from '../engine/sequence.ts';
import { sendJson } from './api-error.ts';
import { EventStream } from './event-stream.ts';
import { DONE_EVENT, eventTemplates, wholeReply, type ReplyIdentity, type Usage } from './reply-shapes.ts';
import { textOf } from './reply-text.ts';

/** Collects the tokens of an answer's choices and sends them on. */
export interface InferenceReply {
  /** A choice got its next token, the last one when `finish` is set. */
  token(choice: number, token: number, finish: FinishReason | undefined): void;
  /** All choices are complete. */
  complete(usage: Usage): void;
}

/** Sends every token as an event when it comes. */
export function streamedReply(
  response: ServerResponse,
  identity: ReplyIdentity,
  choices: number,
  includeUsage: boolean,
): InferenceReply {
  const stream = new EventStream(response);
  const templates = eventTemplates(identity);
  const parts = Array.from({ length: choices }, (_, choice) => templates.token(choice));
  const opened = new Uint8Array(choices);
  // The last event waits for the end of the answer, so that it and what follows it are one write.
  let tail = '';
  return {
    token(choice, token, finish) {
      const { before, after } = parts[choice];
      let text = before + textOf(token) + (finish === undefined ? after : templates.last(finish));
      if (opened[choice] === 0) {
        opened[choice] = 1;
        text = templates.opening(choice) + text;
      }
      if (finish === undefined) stream.send(text);
      else tail += text;
    },
    complete(usage) {
      stream.send(tail + (includeUsage ? templates.usage(usage) : '') + DONE_EVENT);
      stream.end();
    },
  };
}

/** Sends one JSON document at the end. */
export function collectedReply(response: ServerResponse, identity: ReplyIdentity, choices: number): InferenceReply {
  const texts = Array.from({ length: choices }, () => ({ text: '', finish: 'length' as FinishReason }));
  return {
    token(choice, token, finish) {
      const collected = texts[choice];
      collected.text += textOf(token);
      if (finish !== undefined) collected.finish = finish;
    },
    complete(usage) {
      sendJson(response, 200, wholeReply(identity, texts, usage));
    },
  };
}
