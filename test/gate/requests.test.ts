import { Counter, Gauge, Histogram } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { PickerCore } from '../../src/app/core.ts';
import { MAX_BODY_PIECE_BYTES } from '../../src/ext-proc/response.ts';
import type { ProcessingRequest } from '../../src/protos/ext-proc.ts';
import { builtInCore } from '../kit/built-in-core.ts';
import { message } from '../wire/support.ts';
import { converse, wireBytes, type Written } from './conversation.ts';
import { countWork, type Work } from './work.ts';

// What a request may cost is counted here, not timed: each bound is what the code does today, and names the change
// for the worse that it would notice.

/** How Envoy cuts bodies. */
const PIECE_BYTES = 65_536;
/** Text that is no body: header values, the labels of metrics. */
const FEW_CHARS = 200;
const EVENT = 'data: {"id":"cmpl-1","choices":[{"delta":{"content":" tok"}}]}\n\n';
const LAST_EVENT = 'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}\n\ndata: [DONE]\n\n';

let core: PickerCore;

beforeAll(async () => {
  core = await builtInCore(8);
});

afterAll(() => core.close());

function chatBody(promptBytes: number): Buffer {
  const messages = [{ role: 'user', content: 'so it goes. '.repeat(promptBytes / 12) }];
  return Buffer.from(JSON.stringify({ model: 'm', stream: true, messages }));
}

function requestOf(body: Buffer): ProcessingRequest[] {
  const headers = { ':path': '/v1/chat/completions', ':method': 'POST', 'content-type': 'application/json' };
  const messages = [message.requestHeaders(false, headers)];
  for (let at = 0; at < body.length; at += PIECE_BYTES) {
    const end = at + PIECE_BYTES;
    messages.push(message.requestBody(body.subarray(at, end), end >= body.length));
  }
  return messages;
}

function responseOf(events: readonly string[]): ProcessingRequest[] {
  const headers = { ':status': '200', 'content-type': 'text/event-stream' };
  return [
    message.responseHeaders(false, headers),
    ...events.map((event, i) => message.responseBody(event, i === events.length - 1)),
  ];
}

/** The work of a stream, the second of its kind, and what was written. */
function workOf(messages: readonly ProcessingRequest[]): { work: Work; written: Written } {
  const bytes = wireBytes(messages);
  converse(core.director, bytes);
  let written: Written | undefined;
  const work = countWork(() => {
    written = converse(core.director, bytes);
  });
  return { work, written: written as Written };
}

describe.each([1500, 60_000, 4_000_000])('a request with a prompt of %i bytes', (promptBytes) => {
  const body = chatBody(promptBytes);
  const request = requestOf(body);
  let work: Work;
  let written: Written;

  beforeAll(() => {
    ({ work, written } = workOf(request));
  });

  it('is parsed once: no plugin reads the body for itself', () => {
    expect(work.parse.calls).toBeLessThanOrEqual(1);
    expect(work.parse.bytes).toBeLessThanOrEqual(body.length);
  });

  it('becomes text once: the prompt is hashed as it is written', () => {
    expect(work.decode.bytes).toBeLessThan(body.length + FEW_CHARS);
  });

  it('is joined once if it came in pieces, and else not copied', () => {
    expect(work.concat.bytes + work.copy.bytes).toBeLessThanOrEqual(body.length > PIECE_BYTES ? body.length : 0);
  });

  it('is not written anew: only labels and marks are', () => {
    expect(work.stringify.bytes).toBeLessThan(FEW_CHARS);
  });

  it('is hashed and looked up in the prefix index once, however many plugins ask', () => {
    expect(work.hash.calls).toBeLessThanOrEqual(1);
    expect(work.match.calls).toBeLessThanOrEqual(1);
    expect(work.credit.calls).toBeLessThanOrEqual(1);
  });

  it('starts no timer: a decision that is there at once has no deadline', () => {
    expect(work.timer.calls).toBe(0);
  });

  it('is answered with its headers and a message for at most 62 kB of each piece', () => {
    const sizes = request.map(({ requestBody }) => requestBody?.body?.length ?? 0);
    const messages = sizes.reduce((sum, size) => sum + Math.ceil(size / MAX_BODY_PIECE_BYTES), 1);
    expect(written.writes).toBeLessThanOrEqual(messages);
    expect(written.bytes).toBeLessThan(body.length + 200 + 40 * written.writes);
  });
});

describe('a response of 1,000 events', () => {
  const request = requestOf(chatBody(1500));
  const events = [...Array.from({ length: 999 }, () => EVENT), LAST_EVENT];
  let alone: Work;
  let work: Work;
  let written: Written;

  beforeAll(() => {
    alone = workOf(request).work;
    ({ work, written } = workOf([...request, ...responseOf(events)]));
  });

  it('has only the event with usage parsed, not one for each token', () => {
    expect(work.parse.calls - alone.parse.calls).toBeLessThanOrEqual(1);
  });

  it('stays bytes: no event but the last becomes text', () => {
    expect(work.decode.bytes - alone.decode.bytes).toBeLessThan(LAST_EVENT.length + FEW_CHARS);
  });

  it('is copied nowhere: events that end where their piece ends are not kept', () => {
    expect(work.concat.bytes + work.copy.bytes).toBe(0);
  });

  it('is answered with one message for each, and headers that were encoded at the start', () => {
    expect(written.writes).toBeLessThanOrEqual(2 + 1 + events.length);
    expect(written.encoded).toBeLessThanOrEqual(2 + events.length);
  });

  it('starts no timers, hashes nothing and does not look for prefixes again', () => {
    expect(work.timer.calls).toBe(0);
    expect(work.hash.calls).toBeLessThanOrEqual(1);
    expect(work.match.calls).toBeLessThanOrEqual(1);
  });

  it('is copied at most once where every event is cut in two', () => {
    const halves = events.flatMap((event) => [event.slice(0, 30), event.slice(30)]);
    const { work: cut } = workOf([...request, ...responseOf(halves)]);
    expect(cut.concat.bytes + cut.copy.bytes).toBeLessThan(2 * events.join('').length);
    expect(cut.parse.calls).toBeLessThanOrEqual(2);
  });
});

it('a body in pieces of 10 bytes is copied at most three times over, not once for each piece', () => {
  const body = chatBody(120_000);
  const headers = requestOf(Buffer.alloc(0));
  const count = Math.ceil(body.length / 10);
  const pieces = Array.from({ length: count }, (_, i) =>
    message.requestBody(body.subarray(i * 10, i * 10 + 10), i === count - 1),
  );
  const { work } = workOf([...headers, ...pieces]);
  expect(work.concat.bytes + work.copy.bytes).toBeLessThanOrEqual(3 * body.length);
  expect(work.parse.calls).toBeLessThanOrEqual(1);
});

it('updates at most 8 metrics by their labels: one for each plugin or endpoint is bound where it is made', async () => {
  // prom-client takes its methods from here when a metric is made; those bound to labels go another way.
  const methods = [
    [Counter.prototype, 'incWithoutExemplar'],
    [Gauge.prototype, 'inc'],
    [Gauge.prototype, 'set'],
    [Histogram.prototype, 'observeWithoutExemplar'],
  ] as const;
  const spies = methods.map(([prototype, name]) => vi.spyOn(prototype as unknown as Record<string, () => void>, name));
  const counting = await builtInCore(8);
  const bytes = wireBytes([...requestOf(chatBody(1500)), ...responseOf([EVENT, LAST_EVENT])]);
  converse(counting.director, bytes);
  for (const spy of spies) spy.mockClear();
  converse(counting.director, bytes);
  const calls = spies.map((spy) => spy.mock.calls.length);
  for (const spy of spies) spy.mockRestore();
  counting.close();
  expect(calls.reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(8);
});
