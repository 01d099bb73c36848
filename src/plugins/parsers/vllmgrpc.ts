import * as v from 'valibot';
import { Rejection, reject } from '../../core/errors.ts';
import { definePlugin } from '../../core/plugin.ts';
import type { Api, Dialect, InferenceBody } from '../../core/request.ts';
import { readGrpcMessage } from '../../payload/grpc-frame.ts';
import type { RenderRequest, TokenizedPrompt } from '../../core/prompt.ts';
import { promptOf } from '../../payload/prompt-bytes.ts';
import { type Placeholder, promptOfIds } from '../../payload/prompt-features.ts';
import { bytesTag, type FieldReaders, readFields, uint32List, varintTag } from '../../payload/proto-fields.ts';
import { claimOf } from './claims.ts';
import { opaqueBody } from './opaque.ts';

const GENERATE = 'vllm.grpc.engine.VllmEngine/Generate';
const EMBED = 'vllm.grpc.engine.VllmEngine/Embed';
/** Calls that have nothing to schedule by; any server may answer. */
const OTHERS = ['HealthCheck', 'Abort', 'GetModelInfo', 'GetServerInfo'].map(
  (method) => `vllm.grpc.engine.VllmEngine/${method}`,
);
const PATHS = [GENERATE, EMBED, ...OTHERS];

const OPAQUE = opaqueBody('none');

/** Field numbers of the engine's messages. Source: contract `wire-protocol.md` 3.3. */
const GENERATE_FIELDS = { tokenized: 2, text: 3, samplingParams: 4, stream: 5, media: 7 } as const;
const EMBED_TOKENIZED = 2;
const TOKENIZED_INPUT_IDS = 2;
const SAMPLING_MAX_TOKENS = 8;
const MEDIA_PLACEHOLDERS = 5;
const MEDIA_HASHES = 6;
const PLACEHOLDER_OFFSET = 1;
const PLACEHOLDER_LENGTH = 2;

/** What is read of a request. */
interface EngineRequest {
  /** Token ids or UTF-8; of the two the last on the wire counts, as in any `oneof`. */
  prompt: readonly number[] | Uint8Array | undefined;
  stream: boolean;
  maxTokens: number | undefined;
  /** Where pictures stand among the ids, and what they are: two lists that belong together item by item. */
  readonly places: Pick<Placeholder, 'offset' | 'length'>[];
  readonly hashes: string[];
}

/** Reads vLLM's gRPC requests. */
export const vllmgrpcParser = definePlugin({
  kind: 'parser',
  type: 'vllmgrpc-parser',
  stability: 'beta',
  summary: 'Reads Generate and Embed requests of vLLM servers that speak gRPC.',
  config: v.unknown(),
  create: () => ({
    paths: PATHS,
    protocols: ['kubernetes.io/h2c'],
    dialect: dialectOf,
    parse(path, pieces) {
      const claim = claimOf(PATHS, path);
      if (claim !== GENERATE && claim !== EMBED) return OPAQUE;
      const message = readGrpcMessage(pieces);
      if (message instanceof Rejection) return message;
      return claim === EMBED ? readEmbed(message) : readGenerate(message);
    },
  }),
});

/** Embeddings are told in other fields; of the other calls nothing is read. */
function dialectOf(path: string): Dialect {
  const claim = claimOf(PATHS, path);
  if (claim === GENERATE) return 'vllm-grpc';
  return claim === EMBED ? 'vllm-grpc-embed' : 'none';
}

function readGenerate(message: Uint8Array): InferenceBody | Rejection {
  const request = emptyRequest();
  const failure = decode('GenerateRequest', message, {
    ...tokenizedInput(GENERATE_FIELDS.tokenized, request),
    [bytesTag(GENERATE_FIELDS.text)]: (reader) => {
      request.prompt = reader.bytes();
    },
    [bytesTag(GENERATE_FIELDS.samplingParams)]: (reader) => {
      readFields(reader.bytes(), {
        [varintTag(SAMPLING_MAX_TOKENS)]: (sampling) => {
          request.maxTokens = sampling.uint32();
        },
      });
    },
    [varintTag(GENERATE_FIELDS.stream)]: (reader) => {
      request.stream = reader.bool();
    },
    [bytesTag(GENERATE_FIELDS.media)]: (reader) => {
      readFields(reader.bytes(), {
        [bytesTag(MEDIA_PLACEHOLDERS)]: (media) => {
          request.places.push(readPlace(media.bytes()));
        },
        [bytesTag(MEDIA_HASHES)]: (media) => {
          request.hashes.push(media.string());
        },
      });
    },
  });
  if (failure !== undefined) return failure;
  if (request.prompt === undefined) return reject('BadRequest', 'not supported request inputType');
  return engineBody('generate', request, request.prompt);
}

function readEmbed(message: Uint8Array): InferenceBody | Rejection {
  const request = emptyRequest();
  const failure = decode('EmbedRequest', message, tokenizedInput(EMBED_TOKENIZED, request));
  if (failure !== undefined) return failure;
  if (request.prompt === undefined) return reject('BadRequest', 'missing tokenized input in EmbedRequest');
  return engineBody('embeddings', request, request.prompt);
}

function tokenizedInput(field: number, request: EngineRequest): FieldReaders {
  return {
    [bytesTag(field)]: (reader) => {
      const ids: number[] = [];
      readFields(reader.bytes(), uint32List(TOKENIZED_INPUT_IDS, ids));
      request.prompt = ids;
    },
  };
}

function decode(type: string, message: Uint8Array, fields: FieldReaders): Rejection | undefined {
  try {
    readFields(message, fields);
    return undefined;
  } catch (error) {
    return reject('BadRequest', `unmarshaling ${type}: ${(error as Error).message}`);
  }
}

function emptyRequest(): EngineRequest {
  return { prompt: undefined, stream: false, maxTokens: undefined, places: [], hashes: [] };
}

function readPlace(message: Uint8Array): Pick<Placeholder, 'offset' | 'length'> {
  const place = { offset: 0, length: 0 };
  readFields(message, {
    [varintTag(PLACEHOLDER_OFFSET)]: (reader) => {
      place.offset = reader.uint32();
    },
    [varintTag(PLACEHOLDER_LENGTH)]: (reader) => {
      place.length = reader.uint32();
    },
  });
  return place;
}

function engineBody(
  api: Extract<Api, 'generate' | 'embeddings'>,
  { stream, maxTokens, places, hashes }: EngineRequest,
  prompt: readonly number[] | Uint8Array,
): InferenceBody {
  const text = prompt instanceof Uint8Array ? prompt : undefined;
  let made: TokenizedPrompt | undefined;
  return {
    api,
    dialect: api === 'embeddings' ? 'vllm-grpc-embed' : 'vllm-grpc',
    model: '',
    modelOptional: true,
    stream,
    maxOutputTokens: maxTokens,
    cacheSalt: '',
    tokenized: text === undefined,
    prompt: () =>
      (made ??= prompt instanceof Uint8Array ? promptOf([prompt]) : promptOfIds(prompt, pictures(places, hashes))),
    renderRequest: (model) => (text === undefined ? undefined : renderOf(text, model)),
  };
}

function pictures(places: EngineRequest['places'], hashes: readonly string[]): readonly Placeholder[] {
  return places.slice(0, hashes.length).map((place, i) => ({ modality: 'image', hash: hashes[i], ...place }));
}

function renderOf(text: Uint8Array, model: string): RenderRequest {
  const prompt = Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString('utf8');
  return { api: 'completions', media: false, body: () => JSON.stringify({ model, prompt }) };
}
