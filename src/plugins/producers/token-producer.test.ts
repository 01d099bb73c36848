import { describe, expect, it } from 'vitest';
import * as v from 'valibot';
import { manualTimers } from '../../../test/kit/clock.ts';
import { create, inferenceRequest, pluginContext, silentMeter } from '../../../test/kit/plugins.ts';
import { promptIn } from '../../../test/kit/prompts.ts';
import { dataKey, TOKENIZED_PROMPT } from '../../core/data.ts';
import { Rejection } from '../../core/errors.ts';
import { NO_HEADERS } from '../../core/headers.ts';
import { CallError, type CallLimits } from '../../core/http-client.ts';
import type { Parser } from '../../core/kinds.ts';
import type { PluginDefinition } from '../../core/plugin.ts';
import type { InferenceBody, InferenceRequest } from '../../core/request.ts';
import { DataBoard } from '../../scheduling/data-board.ts';
import { anthropicParser } from '../parsers/anthropic.ts';
import { openaiParser } from '../parsers/openai.ts';
import { passthroughParser } from '../parsers/passthrough.ts';
import { vllmhttpParser } from '../parsers/vllmhttp.ts';
import { tokenProducer } from './token-producer.ts';

const CHAT = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
const VLLM = { modelName: 'base', vllm: { url: 'http://render:8000/' } };
const CHAT_URL = 'http://render:8000/v1/chat/completions/render';

/** One call and what is to be answered. */
interface Call {
  readonly url: string;
  readonly body: { model?: string; messages?: { content: unknown }[]; [name: string]: unknown };
  readonly limits: CallLimits;
  answer(value: unknown): void;
  fail(status?: number): void;
}

function requestOf(parser: PluginDefinition<'parser'>, path: string, json: unknown): InferenceRequest {
  const body = (create(parser) as Parser).parse(path, [Buffer.from(JSON.stringify(json))], NO_HEADERS);
  if (body instanceof Rejection) throw new Error(body.message);
  return inferenceRequest({ body });
}
const chat = (json: object = CHAT): InferenceRequest => requestOf(openaiParser, '/v1/chat/completions', json);

function setup(parameters: object = {}) {
  const board = new DataBoard();
  const timers = manualTimers();
  const calls: Call[] = [];
  let fallbacks = 0;
  const context = pluginContext(
    {
      name: 'tok',
      timers,
      meter: silentMeter({ renderFallback: () => void fallbacks++ }),
      http: {
        postJson: (url, body, limits) =>
          new Promise((resolve, reject) => {
            calls.push({
              url,
              body: JSON.parse(Buffer.from(body).toString()),
              limits,
              answer: resolve,
              fail: (status) => reject(new CallError(`POST ${url}: status ${status}`, status)),
            });
          }),
      },
    },
    board,
  );
  const producer = create(tokenProducer, parameters, context);
  const read = board.reader(dataKey(TOKENIZED_PROMPT));
  const words = (request: InferenceRequest): number[][] =>
    (read(request)?.prompts ?? []).map((bytes) =>
      Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) => Buffer.from(bytes).readUInt32LE(i * 4)),
    );
  return {
    producer,
    timers,
    calls,
    read,
    words,
    fallbacks: () => fallbacks,
    produce: (request: InferenceRequest) => producer.produce(request, new Uint32Array(0)),
    /** What a request is told by, in place of what a server would say. */
    estimateOf: (request: InferenceRequest) => promptIn(request.body as InferenceBody),
  };
}

/** A producer whose server has answered its warm-up. */
async function warm(parameters: object = VLLM) {
  const rig = setup(parameters);
  rig.calls[0].answer({ token_ids: [0] });
  await settled();
  rig.calls[1].fail(400);
  await settled();
  rig.calls.length = 0;
  return rig;
}

/** Lets everything run that waits for nothing. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const messageOf = (wait: void | Promise<void>): Promise<string> =>
  Promise.resolve(wait).then(
    () => 'done',
    (error: unknown) => (error as Error).message,
  );

describe('token-producer by estimate', () => {
  it('is what there is when nothing is set', () => {
    const { producer, produce, read, calls } = setup();
    const request = chat();
    expect(produce(request)).toBeUndefined();
    expect(Buffer.from(read(request)?.prompts[0] ?? []).toString()).toBe('userhi');
    expect([read(request)?.tokens, calls, producer.timeoutMs]).toEqual([2, [], undefined]);
  });

  it('builds the prompt once, and hands on what the body has', () => {
    const { produce, read } = setup();
    const request = inferenceRequest();
    void produce(request);
    expect(read(request)).toBe(promptIn(request.body as InferenceBody));
  });

  it('leaves tokens alone that are there', () => {
    const board = new DataBoard();
    const context = pluginContext({}, board);
    const request = inferenceRequest();
    const given = { prompts: [Buffer.from('abcd')], tokens: 1, media: [] };
    board.writer(dataKey(TOKENIZED_PROMPT))(request, given);
    for (const parameters of [{}, VLLM]) {
      void create(tokenProducer, parameters, context).produce(request, new Uint32Array(0));
      expect(board.reader(dataKey(TOKENIZED_PROMPT))(request)).toBe(given);
    }
  });

  it.each([
    ['no body', inferenceRequest({ body: undefined })],
    ['an opaque body', requestOf(passthroughParser, '/any', {})],
    ['a picture to be made', requestOf(openaiParser, '/v1/images/generations', { prompt: 'a cat' })],
    ['an empty prompt', inferenceRequest({}, [''])],
  ])('says nothing about %s', (_what, request) => {
    for (const parameters of [{}, VLLM]) {
      const { produce, read, calls } = setup(parameters);
      calls.length = 0;
      void produce(request);
      expect([read(request), calls]).toEqual([undefined, []]);
    }
  });

  it('counts media as it is told to, videos by the headers', () => {
    const content = [{ image_url: { url: 'http://a' } }, { video_url: { url: 'http://b' } }];
    const json = { model: 'm', messages: [{ role: 'user', content }] };
    const request = {
      ...chat(json),
      headers: { get: (name: string) => (name === 'x-llm-d-video-fps' ? '3' : undefined) },
    };
    const { produce, read } = setup({
      estimate: {
        image: { mode: 'static', static: { staticToken: 7 } },
        video: {
          tokensPerFrame: { mode: 'static', static: { numTokensPerFrame: 2 } },
          frames: { mode: 'strided' },
        },
      },
    });
    void produce(request);
    // 'user' is one token, the picture 7, ten seconds at 3 frames of 2 tokens 60.
    expect(read(request)).toMatchObject({ tokens: 68, media: [{ modality: 'image' }, { modality: 'video' }] });
  });
});

describe('token-producer by vllm', () => {
  it('asks once, for the model it is told, and waits', async () => {
    const { produce, calls, words, read } = await warm();
    const request = chat({ ...CHAT, temperature: 0 });
    const wait = produce(request);
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatchObject({ url: CHAT_URL, body: { ...CHAT, model: 'base', temperature: 0 } });
    expect(read(request)).toBeUndefined();
    calls[0].answer({ token_ids: [5, 6, 7], other: 1 });
    await wait;
    expect([words(request), read(request)?.tokens, read(request)?.media]).toEqual([[[5, 6, 7]], 3, []]);
    expect(calls).toHaveLength(1);
  });

  it.each([
    [{ modelName: 'base' }, 'http://localhost:8000', 5000, 30_000],
    [{ modelName: 'base', vllm: { timeout: '1s', mmTimeout: '500ms' } }, 'http://localhost:8000', 1000, 500],
    [{ modelName: 'base', vllm: { url: 'https://r/v/' } }, 'https://r/v', 5000, 30_000],
  ])('with %j calls %s, for %d ms, where there may be media for %d', async (parameters, url, text, media) => {
    const { producer, produce, calls } = await warm(parameters);
    void produce(chat());
    void produce(chat({ ...CHAT, messages: [{ role: 'user', content: [{ type: 'text', text: 'hi' }] }] }));
    expect(calls.map((call) => [call.url, call.limits.timeoutMs])).toEqual([
      [`${url}/v1/chat/completions/render`, text],
      [`${url}/v1/chat/completions/render`, media],
    ]);
    // So the call has failed before anybody stops waiting for us.
    expect(producer.timeoutMs).toBe(Math.max(text, media) + 400);
  });

  it('has every prompt of a completion rendered', async () => {
    const { produce, calls, words } = await warm();
    const request = requestOf(openaiParser, '/v1/completions', { model: 'm', prompt: ['a', 'b'] });
    const wait = produce(request);
    expect(calls[0]).toMatchObject({ url: 'http://render:8000/v1/completions/render', body: { prompt: ['a', 'b'] } });
    calls[0].answer([{ token_ids: [1] }, { token_ids: [2, 3] }]);
    await wait;
    expect(words(request)).toEqual([[1], [2, 3]]);
  });

  it('has Anthropic requests rendered as chats', async () => {
    const { produce, calls } = await warm();
    const system = [{ type: 'text', text: 'Be brief.' }];
    void produce(requestOf(anthropicParser, '/v1/messages', { ...CHAT, system }));
    const messages = [{ role: 'system', content: 'Be brief.' }, ...CHAT.messages];
    expect(calls[0]).toMatchObject({ url: CHAT_URL, body: { model: 'base', messages } });
  });

  it('takes over the media the server found', async () => {
    const { produce, calls, read } = await warm();
    const [cat, dog] = ['cat', 'dog'].map((hash) => {
      const request = chat();
      void produce(request);
      const features = { mm_hashes: { image: [hash] }, mm_placeholders: { image: [{ offset: 1, length: 2 }] } };
      calls.at(-1)?.answer({ token_ids: [5, 9, 9, 6], features });
      return request;
    });
    await settled();
    expect(read(cat)).toMatchObject({ tokens: 4, media: [{ modality: 'image', hash: 'cat' }] });
    expect(read(dog)?.prompts).not.toEqual(read(cat)?.prompts);
  });

  it('does not ask where token ids came, or where no server would know', async () => {
    const { produce, calls, words, read, estimateOf, fallbacks } = await warm();
    const ids = [
      requestOf(openaiParser, '/v1/completions', { model: 'm', prompt: [4, 5] }),
      requestOf(openaiParser, '/v1/embeddings', { model: 'm', input: [4, 5] }),
      requestOf(vllmhttpParser, '/inference/v1/generate', { model: 'm', token_ids: [4, 5] }),
    ];
    for (const request of ids) {
      expect(produce(request)).toBeUndefined();
      expect(words(request)).toEqual([[4, 5]]);
    }
    const others = [
      requestOf(openaiParser, '/v1/responses', { model: 'm', input: 'hi' }),
      requestOf(openaiParser, '/v1/embeddings', { model: 'm', input: 'hi' }),
    ];
    for (const request of others) {
      await produce(request);
      expect(read(request)).toEqual(estimateOf(request));
    }
    expect([calls, fallbacks()]).toEqual([[], 0]);
  });

  it.each<[string, (call: Call) => void, RegExp]>([
    ['a status', (call) => call.fail(503), /status 503/],
    ['a page', (call) => call.answer('<html>'), /an answer without token ids/],
    ['a list', (call) => call.answer([{ token_ids: [1] }]), /an answer without token ids/],
    ['no ids', (call) => call.answer({ token_ids: null }), /an answer without token ids/],
    ['ids that are none', (call) => call.answer({ token_ids: [1, -1] }), /an answer without token ids/],
  ])('estimates what the server answers with %s, and says so', async (_what, answer, message) => {
    const { produce, calls, read, estimateOf, fallbacks } = await warm();
    const request = chat();
    const wait = messageOf(produce(request));
    answer(calls[0]);
    expect(await wait).toMatch(message);
    expect(await wait).toMatch(/^the prompt is estimated instead: POST http:\/\/render:8000\/v1\/chat/);
    expect(read(request)).toEqual(estimateOf(request));
    expect(fallbacks()).toBe(1);
  });

  it.each([[[]], [[{}]], [{ token_ids: [1] }], [[{ token_ids: [1] }, { token_ids: 'x' }]]])(
    'estimates a completion answered with %j',
    async (answer) => {
      const { produce, calls, read, estimateOf } = await warm();
      const request = requestOf(openaiParser, '/v1/completions', { model: 'm', prompt: ['a', 'b'] });
      const wait = messageOf(produce(request));
      calls[0].answer(answer);
      expect(await wait).toMatch(/an answer without token ids/);
      expect(read(request)).toEqual(estimateOf(request));
    },
  );

  it('estimates what is nested too deep to be written anew', async () => {
    const { produce, calls, read, fallbacks } = await warm();
    const input = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const json = `{"messages":[{"role":"assistant","content":[{"type":"tool_use","name":"deep","input":${input}}]}]}`;
    const body = create(anthropicParser).parse('/v1/messages', [Buffer.from(json)], NO_HEADERS) as InferenceBody;
    const request = inferenceRequest({ body });
    expect(await messageOf(produce(request))).toMatch(/^the prompt is estimated instead: Maximum call stack size/);
    expect([calls.length, fallbacks()]).toEqual([0, 1]);
    expect(read(request)?.tokens).toBeGreaterThan(0);
  });
});

describe("token-producer's server", () => {
  it('is warmed up with a text, then with a picture', async () => {
    const { calls } = setup(VLLM);
    expect(calls.map(({ url, body }) => [url, body.messages?.[0].content])).toEqual([[CHAT_URL, 'warmup']]);
    calls[0].answer({ token_ids: [0] });
    await settled();
    expect(calls).toHaveLength(2);
    expect(calls[1].body.messages?.[0].content).toMatchObject([{ type: 'image_url' }]);
    expect(calls[1].limits.timeoutMs).toBe(30_000);
  });

  it('is warmed up 24 times, five seconds apart, at most', async () => {
    const { calls, timers } = setup(VLLM);
    for (let tries = 1; tries <= 24; tries++) {
      expect(calls).toHaveLength(tries);
      calls[tries - 1].fail();
      await settled();
      timers.advance(4999);
      expect(calls).toHaveLength(tries);
      timers.advance(1);
    }
    expect([calls.length, timers.waiting]).toEqual([24, 0]);
  });

  it('is asked while it warms up', async () => {
    const { calls, produce } = setup(VLLM);
    void produce(chat());
    expect(calls).toHaveLength(2);
  });

  it('is not asked any more after three failures in a row, until a probe is answered', async () => {
    const { calls, produce, timers, read, estimateOf, fallbacks } = await warm();
    for (let i = 0; i < 3; i++) {
      const wait = messageOf(produce(chat()));
      calls[i].fail(i === 0 ? undefined : 500);
      await wait;
    }
    await settled();
    expect(calls[3].body.messages?.[0].content).toBe('warmup');
    const request = chat();
    expect(await messageOf(produce(request))).toBe('done');
    expect([read(request), fallbacks(), calls.length]).toEqual([estimateOf(request), 4, 4]);
    for (let probes = 4; probes < 40; probes++) {
      calls[probes - 1].fail();
      await settled();
      timers.advance(5000);
      expect(calls).toHaveLength(probes + 1);
    }
    calls[39].answer({ token_ids: [0] });
    await settled();
    expect(timers.waiting).toBe(0);
    void produce(chat());
    expect(calls).toHaveLength(41);
    expect(calls[40].body.messages?.[0].content).toBe('hi');
  });

  it('is asked on while every third answer is good', async () => {
    const { calls, produce } = await warm();
    for (let i = 0; i < 9; i++) {
      const wait = messageOf(produce(chat()));
      if (i % 3 === 2) calls[i].answer({ token_ids: [1] });
      else calls[i].fail();
      await wait;
    }
    expect(calls).toHaveLength(9);
  });

  it.each([
    [400, true],
    [413, true],
    [422, true],
    [404, false],
    [429, false],
  ])('that answers %d is asked on: %s', async (status, askedOn) => {
    const { calls, produce } = await warm();
    for (let i = 0; i < 4; i++) {
      const wait = messageOf(produce(chat()));
      calls[i]?.fail(status);
      await wait;
    }
    expect(calls.filter(({ body }) => body.messages?.[0].content === 'hi')).toHaveLength(askedOn ? 4 : 3);
  });

  it('is left alone once closed', async () => {
    const { producer, calls, timers } = setup(VLLM);
    calls[0].fail();
    await settled();
    expect(timers.waiting).toBe(1);
    producer.close?.();
    expect(timers.waiting).toBe(0);
    const early = setup(VLLM);
    early.producer.close?.();
    early.calls[0].fail();
    await settled();
    expect(early.timers.waiting).toBe(0);
  });
});

describe('token-producer parameters', () => {
  const issuesOf = (parameters: unknown): string[] =>
    v
      .safeParse(tokenProducer.config, parameters)
      .issues?.map((issue) => `${v.getDotPath(issue) ?? ''}: ${issue.message}`) ?? [];

  it.each<[unknown, string | RegExp]>([
    [{ vllm: {} }, "modelName: must be given with 'vllm'"],
    [{ estimate: {}, modelName: 'm' }, /^estimate: must not be given together with 'vllm' or 'modelName'/],
    [{ estimate: {}, modelName: 'm', vllm: {} }, /^estimate: must not be given together/],
    [{ modelName: 'm', udsTokenizerConfig: { socketFile: '/s' } }, /^udsTokenizerConfig: .*set 'vllm' with the 'url'/],
    [{ modelName: 'm', vllm: { url: 'render:8000' } }, /^vllm\.url: must be an http or https URL/],
    [{ modelName: 'm', vllm: { url: 'http://u:p@h' } }, /^vllm\.url: must be an http or https URL without user/],
    [{ modelName: 'm', vllm: { url: 'http://h?a=b' } }, /^vllm\.url: must be/],
    [{ modelName: 'm', vllm: { timeout: '5' } }, /^vllm\.timeout: missing unit/],
    [{ modelName: 'm', vllm: { timeout: '0s' } }, 'vllm.timeout: must be longer than 0'],
    [{ modelName: 'm', vllm: { http: 'x' } }, /^vllm\.http: Invalid key/],
    [
      { estimate: { image: { mode: 'auto' } } },
      /^estimate\.image\.mode: Invalid type: Expected \("dynamic" \| "static"\)/,
    ],
    [{ estimate: { image: { dynamic: { factor: -1 } } } }, 'estimate.image.dynamic.factor: must not be negative'],
    [{ estimate: { video: { frames: { mode: 'all' } } } }, /^estimate\.video\.frames\.mode: .*"sampled" \| "strided"/],
    [{ estimate: { video: { frames: { minFrames: 1.5 } } } }, /^estimate\.video\.frames\.minFrames: Invalid integer/],
    [{ estimate: { video: { defaultDuration: -0.1 } } }, 'estimate.video.defaultDuration: must not be negative'],
    [{ estimate: { audio: {} } }, /^estimate\.audio: Invalid key/],
  ])('refuse %j', (parameters, message) => {
    expect(issuesOf(parameters)).toEqual([message instanceof RegExp ? expect.stringMatching(message) : message]);
  });

  it.each([
    {},
    { estimate: {} },
    { modelName: 'm' },
    { modelName: 'm', vllm: {} },
    {
      modelName: 'm',
      vllm: { url: 'http://localhost:8000', timeout: '2s', mmTimeout: '1m' },
      udsTokenizerConfig: null,
    },
    {
      estimate: {
        image: { mode: 'dynamic', defaultResolution: { width: 1280, height: 720 }, dynamic: { factor: 784 } },
        video: {
          defaultResolution: { width: 640, height: 480 },
          defaultDuration: 12.5,
          tokensPerFrame: { mode: 'static', static: { numTokensPerFrame: 66 }, dynamic: { factor: 1024 } },
          frames: {
            mode: 'sampled',
            minFrames: 4,
            maxFrames: 768,
            sampled: { sampleFPS: 0.5, temporalPatchSize: 2 },
            strided: { defaultSourceFPS: 24, frameStride: 8 },
          },
          maxVideoTokens: 24_576,
        },
      },
    },
  ])('take %j', (parameters) => {
    expect(issuesOf(parameters)).toEqual([]);
  });
});
