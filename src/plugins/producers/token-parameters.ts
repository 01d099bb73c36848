import * as v from 'valibot';
import { durationMs } from '../../lib/duration-schema.ts';
import { MEDIA_DEFAULTS } from '../../payload/prompt-media.ts';

const { image, video } = MEDIA_DEFAULTS;

const UDS_REMEDY =
  "must not be given: the UDS tokenizer is deprecated and not supported; set 'vllm' with the 'url' of a server started with 'vllm launch render' instead";
const ONE_BACKEND = "must not be given together with 'vllm' or 'modelName': only one backend may be set";

const count = (description: string, otherwise: number) =>
  v.optional(
    v.pipe(v.number(), v.integer(), v.minValue(0, 'must not be negative'), v.description(description)),
    otherwise,
  );
const amount = (description: string, otherwise: number) =>
  v.optional(
    v.pipe(v.number(), v.finite(), v.minValue(0, 'must not be negative'), v.description(description)),
    otherwise,
  );
const mode = <const M extends readonly [string, ...string[]]>(description: string, modes: M, otherwise: M[number]) =>
  v.optional(v.pipe(v.picklist(modes), v.description(description)), otherwise);

const resolution = (description: string, { width, height }: { width: number; height: number }) =>
  v.optional(
    v.pipe(
      v.strictObject({ width: count('Width in pixels.', width), height: count('Height in pixels.', height) }),
      v.description(description),
    ),
    {},
  );

const factor = (otherwise: number) => v.optional(v.strictObject({ factor: count('Pixels per token.', otherwise) }), {});

const imageSettings = v.strictObject({
  mode: mode('Tokens by size, or a set number.', ['dynamic', 'static'], image.mode),
  defaultResolution: resolution('Size of an image that does not show it.', image.defaultResolution),
  dynamic: factor(image.dynamic.factor),
  static: v.optional(v.strictObject({ staticToken: count('Tokens of every image.', image.static.staticToken) }), {}),
});

const frameSettings = v.strictObject({
  mode: mode('Frames at a rate, or every so many.', ['sampled', 'strided'], video.frames.mode),
  minFrames: count('Least frames of a video; 0 for no limit.', video.frames.minFrames),
  maxFrames: count('Most frames of a video; 0 for no limit.', video.frames.maxFrames),
  sampled: v.optional(
    v.strictObject({
      sampleFPS: amount('Frames taken of each second.', video.frames.sampled.sampleFPS),
      temporalPatchSize: count('Frames that share their tokens.', video.frames.sampled.temporalPatchSize),
    }),
    {},
  ),
  strided: v.optional(
    v.strictObject({
      defaultSourceFPS: amount(
        'Frame rate of a video whose x-llm-d-video-fps header says none.',
        video.frames.strided.defaultSourceFPS,
      ),
      frameStride: count('One of so many frames is taken.', video.frames.strided.frameStride),
    }),
    {},
  ),
});

const videoSettings = v.strictObject({
  defaultResolution: resolution(
    'Size of a video whose x-llm-d-video-resolution header says none.',
    video.defaultResolution,
  ),
  defaultDuration: amount(
    'Seconds of a video whose x-llm-d-video-duration-seconds header says none.',
    video.defaultDuration,
  ),
  tokensPerFrame: v.optional(
    v.strictObject({
      mode: mode('Tokens of a frame by size, or a set number.', ['dynamic', 'static'], video.tokensPerFrame.mode),
      dynamic: factor(video.tokensPerFrame.dynamic.factor),
      static: v.optional(
        v.strictObject({
          numTokensPerFrame: count('Tokens of every frame.', video.tokensPerFrame.static.numTokensPerFrame),
        }),
        {},
      ),
    }),
    {},
  ),
  frames: v.optional(frameSettings, {}),
  maxVideoTokens: count('Most tokens of a video; 0 for no limit.', video.maxVideoTokens),
});

const estimate = v.pipe(
  v.strictObject({
    image: v.optional(v.pipe(imageSettings, v.description('Tokens of images.')), {}),
    video: v.optional(v.pipe(videoSettings, v.description('Tokens of videos.')), {}),
  }),
  v.description('Counts four bytes of text as a token; needs no server. What is used when nothing else is given.'),
);

const vllm = v.pipe(
  v.strictObject({
    url: v.optional(
      v.pipe(
        v.string(),
        v.check(isPlainHttp, 'must be an http or https URL without user, query and fragment'),
        v.transform((url) => url.replace(/\/+$/, '')),
        v.description('Base URL of a server with the render API.'),
      ),
      'http://localhost:8000',
    ),
    timeout: v.optional(v.pipe(durationMs, v.description('Longest wait for the tokens of a text.')), '5s'),
    mmTimeout: v.optional(
      v.pipe(durationMs, v.description('Longest wait where the prompt may hold images, videos or audio.')),
      '30s',
    ),
  }),
  v.description('Has vLLM apply the chat template and tokenize; needs modelName.'),
);

/** Parameters of `token-producer`. Source: contract 3.5. */
export const tokenParameters = v.pipe(
  v.strictObject({
    estimate: v.optional(estimate),
    vllm: v.optional(vllm),
    modelName: v.optional(
      v.pipe(v.string(), v.description('Model the render server knows; alone, it selects vllm with its defaults.')),
      '',
    ),
    udsTokenizerConfig: v.optional(
      v.pipe(v.unknown(), v.check(isNothing, UDS_REMEDY), v.description('Deprecated: not supported.')),
    ),
  }),
  v.forward(
    v.check(({ vllm: server, modelName }) => server === undefined || modelName !== '', "must be given with 'vllm'"),
    ['modelName'],
  ),
  v.forward(
    v.check(
      ({ estimate: given, vllm: server, modelName }) =>
        given === undefined || (server === undefined && modelName === ''),
      ONE_BACKEND,
    ),
    ['estimate'],
  ),
);

export type TokenParameters = v.InferOutput<typeof tokenParameters>;
/** Where prompts are rendered, and how long that may take. */
export type RenderSettings = v.InferOutput<typeof vllm>;

/** What `vllm: {}` stands for. */
export function renderDefaults(): RenderSettings {
  return v.parse(vllm, {});
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null;
}

/** A user in a URL would end up in logs, anything behind the path would get lost. */
function isPlainHttp(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return false;
  return url.username === '' && url.password === '' && url.search === '' && url.hash === '';
}
