import * as v from 'valibot';
import { Rejection, reject } from '../../core/errors.ts';
import { definePlugin } from '../../core/plugin.ts';
import type { Api, Dialect, InferenceBody } from '../../core/request.ts';
import { readGrpcMessage } from '../../payload/grpc-frame.ts';
import { tokenBytes } from '../../payload/prompt-bytes.ts';
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
const GENERATE_FIELDS = { tokenized: 2, text: 3, samplingParams: 4, stream: 5 } as const;
const EMBED_TOKENIZED = 2;
const TOKENIZED_INPUT_IDS = 2;
const SAMPLING_MAX_TOKENS = 8;

/** What is read of a request; of the prompt's two forms the last on the wire counts, as in any `oneof`. */
interface EngineRequest {
  prompt: Uint8Array | undefined;
  stream: boolean;
  maxTokens: number | undefined;
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
  const request: EngineRequest = { prompt: undefined, stream: false, maxTokens: undefined };
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
  });
  if (failure !== undefined) return failure;
  if (request.prompt === undefined) return reject('BadRequest', 'not supported request inputType');
  return engineBody('generate', request, request.prompt);
}

function readEmbed(message: Uint8Array): InferenceBody | Rejection {
  const request: EngineRequest = { prompt: undefined, stream: false, maxTokens: undefined };
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
      request.prompt = tokenBytes(ids);
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

function engineBody(
  api: Extract<Api, 'generate' | 'embeddings'>,
  request: EngineRequest,
  prompt: Uint8Array,
): InferenceBody {
  return {
    api,
    dialect: api === 'embeddings' ? 'vllm-grpc-embed' : 'vllm-grpc',
    model: '',
    modelOptional: true,
    stream: request.stream,
    maxOutputTokens: request.maxTokens,
    cacheSalt: '',
    prompts: () => [prompt],
  };
}
