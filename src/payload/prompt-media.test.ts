import { describe, expect, it } from 'vitest';
import { type Headers, NO_HEADERS } from '../core/headers.ts';
import { MEDIA_DEFAULTS, MediaEstimate, type MediaSettings } from './prompt-media.ts';

type Image = MediaSettings['image'];
type Video = MediaSettings['video'];

const LINK = 'https://example.test/a.png';
/** 256 x 128. */
const GIF = Buffer.from([0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 0x00, 0x01, 0x80, 0x00]).toString('base64');
const GIF_URL = `data:image/gif;base64,${GIF}`;

const headersOf = (fields: Record<string, string>): Headers => ({ get: (name) => fields[name] });
const imaged = (changes: Partial<Image>): MediaEstimate =>
  new MediaEstimate({ ...MEDIA_DEFAULTS, image: { ...MEDIA_DEFAULTS.image, ...changes } });
const filmed = (changes: Partial<Video>): MediaEstimate =>
  new MediaEstimate({ ...MEDIA_DEFAULTS, video: { ...MEDIA_DEFAULTS.video, ...changes } });
const frames = (changes: Partial<Video['frames']>): Partial<Video> => ({
  frames: { ...MEDIA_DEFAULTS.video.frames, ...changes },
});
const sampled = (sampleFPS: number, temporalPatchSize = 1) => ({ sampled: { sampleFPS, temporalPatchSize } });
const strided = (defaultSourceFPS: number, frameStride = 1): Partial<Video['frames']> => ({
  mode: 'strided',
  strided: { defaultSourceFPS, frameStride },
});
const perFrame = (
  mode: 'dynamic' | 'static',
  factor: number,
  numTokensPerFrame: number,
): Pick<Video, 'tokensPerFrame'> => ({
  tokensPerFrame: { mode, dynamic: { factor }, static: { numTokensPerFrame } },
});

// The numbers are those of contract 3.5 (token producer, `estimate`), worked out by hand.

describe('tokens of an image', () => {
  it.each<[string, Partial<Image>, string, number]>([
    ['640 x 360 where its size is unknown', {}, LINK, 225],
    ['its own size', {}, GIF_URL, 32],
    ['another default', { defaultResolution: { width: 1280, height: 720 } }, LINK, 900],
    ['half a default', { defaultResolution: { width: 0, height: 720 } }, LINK, 450],
    ['another factor', { dynamic: { factor: 784 } }, GIF_URL, 41],
    ['a factor of 0, which is the default', { dynamic: { factor: 0 } }, GIF_URL, 32],
    ['at least 1', { dynamic: { factor: 32_769 } }, GIF_URL, 1],
    ['a set number', { mode: 'static', static: { staticToken: 256 } }, GIF_URL, 256],
    ['a set number of 0', { mode: 'static', static: { staticToken: 0 } }, GIF_URL, 1],
  ])('are by %s', (_what, settings, url, tokens) => {
    expect(imaged(settings).imageUrl(url)).toBe(tokens);
  });

  it('are the same for bare data', () => {
    expect(imaged({}).imageData(GIF)).toBe(32);
    expect(imaged({}).imageData('')).toBe(225);
  });
});

describe('tokens of a video', () => {
  it.each<[string, Partial<Video>, number]>([
    ['10 s at 2 frames a second of 225', {}, 4500],
    ['another duration', { defaultDuration: 30.6 }, 61 * 225],
    ['a duration of 0, which is the default', { defaultDuration: 0 }, 4500],
    ['another rate', frames(sampled(1)), 10 * 225],
    ['merged frames', frames(sampled(2.5, 2)), 12 * 225],
    ['a floor, before merging', frames({ minFrames: 64, ...sampled(2, 2) }), 32 * 225],
    ['a ceiling, before merging', frames({ maxFrames: 15, ...sampled(2, 2) }), 7 * 225],
    ['every frame', frames(strided(0)), 240 * 225],
    ['every seventh frame', frames(strided(30, 7)), 42 * 225],
    ['a stride of 0, which is 1', frames(strided(3, 0)), 30 * 225],
    ['every frame, floored', frames({ minFrames: 500, ...strided(24) }), 500 * 225],
    ['every frame, capped', frames({ maxFrames: 8, ...strided(24) }), 8 * 225],
    ['a set number a frame', perFrame('static', 1024, 66), 20 * 66],
    ['a set number of 0 a frame', perFrame('static', 1024, 0), 20],
    ['another factor', perFrame('dynamic', 512, 1), 20 * 450],
    ['another resolution', { defaultResolution: { width: 64, height: 64 } }, 20 * 4],
    ['a cap', { maxVideoTokens: 4499 }, 4499],
    ['a cap that is not reached', { maxVideoTokens: 4501 }, 4500],
    ['at least 1', frames(sampled(0.05)), 1],
  ])('are by %s', (_what, settings, tokens) => {
    expect(filmed(settings).video(NO_HEADERS)).toBe(tokens);
  });

  it.each<[Record<string, string>, number, number]>([
    [{ 'x-llm-d-video-duration-seconds': '4.5' }, 9 * 225, 108 * 225],
    [{ 'x-llm-d-video-fps': '30' }, 20 * 225, 300 * 225],
    [{ 'x-llm-d-video-resolution': '64x64' }, 20 * 4, 240 * 4],
    [{ 'x-llm-d-video-resolution': ' 64 X 64 ' }, 20 * 4, 240 * 4],
    [{ 'x-llm-d-video-duration-seconds': '2', 'x-llm-d-video-fps': '10' }, 4 * 225, 20 * 225],
    [{ 'x-llm-d-video-duration-seconds': '0', 'x-llm-d-video-fps': '-1' }, 4500, 54_000],
    [{ 'x-llm-d-video-duration-seconds': 'Infinity', 'x-llm-d-video-fps': 'NaN' }, 4500, 54_000],
    [{ 'x-llm-d-video-resolution': '64' }, 4500, 54_000],
    [{ 'x-llm-d-video-resolution': '0x64' }, 4500, 54_000],
    [{ 'x-llm-d-video-resolution': 'axb' }, 4500, 54_000],
  ])('are with the headers %j %d sampled, %d strided', (fields, whenSampled, whenStrided) => {
    expect(filmed({}).video(headersOf(fields))).toBe(whenSampled);
    expect(filmed(frames({ mode: 'strided' })).video(headersOf(fields))).toBe(whenStrided);
  });
});

describe('tokens of an audio clip', () => {
  it.each([
    ['12345', 'wav', 2],
    ['123456', 'wav', 3],
    ['', '', 1],
  ])('of %j in %j are %d', (data, format, tokens) => {
    expect(new MediaEstimate(MEDIA_DEFAULTS).audio(data, format)).toBe(tokens);
  });
});
