import type { Headers } from '../core/headers.ts';
import type { MediaTokens } from '../core/prompt.ts';
import { pixelsOfData, pixelsOfUrl } from './image-pixels.ts';

/** Width and height in pixels; 0 stands for the default. */
interface Resolution {
  readonly width: number;
  readonly height: number;
}

/** How tokens of media are estimated. A number of 0 stands for its default, or for no limit. */
export interface MediaSettings {
  readonly image: {
    /** By its size, or always the same. */
    readonly mode: 'dynamic' | 'static';
    /** What an image whose size cannot be seen is taken for. */
    readonly defaultResolution: Resolution;
    /** Pixels per token. */
    readonly dynamic: { readonly factor: number };
    readonly static: { readonly staticToken: number };
  };
  readonly video: {
    readonly defaultResolution: Resolution;
    /** Seconds. */
    readonly defaultDuration: number;
    readonly tokensPerFrame: {
      readonly mode: 'dynamic' | 'static';
      readonly dynamic: { readonly factor: number };
      readonly static: { readonly numTokensPerFrame: number };
    };
    readonly frames: {
      /** So many a second, or every so many of the video's own. */
      readonly mode: 'sampled' | 'strided';
      readonly minFrames: number;
      readonly maxFrames: number;
      readonly sampled: { readonly sampleFPS: number; readonly temporalPatchSize: number };
      readonly strided: { readonly defaultSourceFPS: number; readonly frameStride: number };
    };
    readonly maxVideoTokens: number;
  };
}

/** Source: contract `config-and-plugins.md` 3.5 (token producer, `estimate`). */
export const MEDIA_DEFAULTS: MediaSettings = {
  image: {
    mode: 'dynamic',
    defaultResolution: { width: 640, height: 360 },
    dynamic: { factor: 1024 },
    static: { staticToken: 1 },
  },
  video: {
    defaultResolution: { width: 640, height: 360 },
    defaultDuration: 10,
    tokensPerFrame: { mode: 'dynamic', dynamic: { factor: 1024 }, static: { numTokensPerFrame: 1 } },
    frames: {
      mode: 'sampled',
      minFrames: 0,
      maxFrames: 0,
      sampled: { sampleFPS: 2, temporalPatchSize: 1 },
      strided: { defaultSourceFPS: 24, frameStride: 1 },
    },
    maxVideoTokens: 0,
  },
};

const AUDIO_CHARS_PER_TOKEN = 4;

const VIDEO_FPS = 'x-llm-d-video-fps';
const VIDEO_SECONDS = 'x-llm-d-video-duration-seconds';
const VIDEO_RESOLUTION = 'x-llm-d-video-resolution';

/**
 * Estimates the tokens of media: an image has width x height / factor, or a set number; a video has that for each of
 * its frames; audio has its encoded length / 4. Source of all rules: contract `wire-protocol.md` 3.5,
 * `config-and-plugins.md` 3.5 (token producer, `estimate`).
 */
export class MediaEstimate implements MediaTokens {
  readonly #settings: MediaSettings;

  constructor(settings: MediaSettings) {
    this.#settings = settings;
  }

  imageUrl(url: string): number {
    return this.#imageTokens(url, pixelsOfUrl);
  }

  imageData(base64: string): number {
    return this.#imageTokens(base64, pixelsOfData);
  }

  video(headers: Headers): number {
    const { maxVideoTokens } = this.#settings.video;
    const tokens = this.#frames(headers) * this.#tokensPerFrame(headers);
    return Math.max(1, maxVideoTokens > 0 ? Math.min(tokens, maxVideoTokens) : tokens);
  }

  audio(data: string, format: string): number {
    return Math.max(1, Math.ceil((data.length + format.length) / AUDIO_CHARS_PER_TOKEN));
  }

  #imageTokens(source: string, pixelsOf: (source: string) => number): number {
    const { mode, defaultResolution, dynamic, static: fixed } = this.#settings.image;
    if (mode === 'static') return Math.max(1, fixed.staticToken);
    const pixels = pixelsOf(source) || pixelsIn(defaultResolution, MEDIA_DEFAULTS.image.defaultResolution);
    return Math.max(1, Math.floor(pixels / (dynamic.factor || MEDIA_DEFAULTS.image.dynamic.factor)));
  }

  /** Groups of frames that get tokens of their own. */
  #frames(headers: Headers): number {
    const { defaultDuration, frames } = this.#settings.video;
    const defaults = MEDIA_DEFAULTS.video;
    const seconds = numberIn(headers, VIDEO_SECONDS) || defaultDuration || defaults.defaultDuration;
    if (frames.mode === 'strided') {
      const { defaultSourceFPS, frameStride } = frames.strided;
      const fps = numberIn(headers, VIDEO_FPS) || defaultSourceFPS || defaults.frames.strided.defaultSourceFPS;
      return this.#clamp(Math.floor(Math.floor(seconds * fps) / Math.max(1, frameStride)));
    }
    const { sampleFPS, temporalPatchSize } = frames.sampled;
    const sampled = this.#clamp(Math.floor(seconds * (sampleFPS || defaults.frames.sampled.sampleFPS)));
    return Math.floor(sampled / Math.max(1, temporalPatchSize));
  }

  #clamp(frames: number): number {
    const { minFrames, maxFrames } = this.#settings.video.frames;
    const most = maxFrames > 0 ? maxFrames : Number.POSITIVE_INFINITY;
    return Math.min(Math.max(frames, minFrames), most);
  }

  #tokensPerFrame(headers: Headers): number {
    const { tokensPerFrame, defaultResolution } = this.#settings.video;
    if (tokensPerFrame.mode === 'static') return Math.max(1, tokensPerFrame.static.numTokensPerFrame);
    const pixels = resolutionIn(headers) ?? pixelsIn(defaultResolution, MEDIA_DEFAULTS.video.defaultResolution);
    const factor = tokensPerFrame.dynamic.factor || MEDIA_DEFAULTS.video.tokensPerFrame.dynamic.factor;
    return Math.max(1, Math.floor(pixels / factor));
  }
}

function pixelsIn({ width, height }: Resolution, defaults: Resolution): number {
  return (width || defaults.width) * (height || defaults.height);
}

/** A header's number; 0 where it is absent or no positive number. */
function numberIn(headers: Headers, name: string): number {
  const value = Number(headers.get(name));
  return Number.isFinite(value) && value > 0 ? value : 0;
}

/** Pixels of `<width>x<height>`; undefined where the header is absent or something else. */
function resolutionIn(headers: Headers): number | undefined {
  const sides = /^\s*(\d+)\s*x\s*(\d+)\s*$/i.exec(headers.get(VIDEO_RESOLUTION) ?? '');
  const pixels = sides === null ? 0 : Number(sides[1]) * Number(sides[2]);
  return Number.isFinite(pixels) && pixels > 0 ? pixels : undefined;
}
