import * as v from 'valibot';
import { Rejection, reject } from '../../core/errors.ts';
import { definePlugin } from '../../core/plugin.ts';
import { readGrpcMessage } from '../../payload/grpc-frame.ts';
import { JsonBody } from '../../payload/json-body.ts';
import { readJsonObject } from '../../payload/json-object.ts';
import { bytesTag, readFields } from '../../payload/proto-fields.ts';
import { claimOf } from './claims.ts';
import { opaqueBody } from './opaque.ts';
import { readChat, readResponses } from './openai-requests.ts';

/** Claimed methods, their message and what reads the JSON in it. Source: contract `wire-protocol.md` 3.3. */
const METHODS = {
  'PredictionService/ChatCompletions': { message: 'ChatCompletionsRequest', read: readChat, dialect: 'vertex-chat' },
  'PredictionService/RawPredict': { message: 'RawPredictRequest', read: readResponses, dialect: 'vertex-responses' },
  'PredictionService/StreamRawPredict': {
    message: 'StreamRawPredictRequest',
    read: readResponses,
    dialect: 'vertex-responses',
  },
} as const;
/** Claims match from a segment's start, and the package is part of the segment: one claim for each version. */
const PACKAGES = ['google.cloud.aiplatform.v1', 'google.cloud.aiplatform.v1beta1'] as const;
const PATHS = PACKAGES.flatMap((name) =>
  (Object.keys(METHODS) as Method[]).map((method) => `${name}.${method}` as const),
);

/** Field numbers. Source: google/cloud/aiplatform/v1beta1/prediction_service.proto, google/api/httpbody.proto. */
const HTTP_BODY = 2;
const HTTP_BODY_DATA = 2;

const OPAQUE = opaqueBody('none');

type Method = keyof typeof METHODS;

/** Reads the OpenAI requests that Vertex AI wraps in protobuf. */
export const vertexaiParser = definePlugin({
  kind: 'parser',
  type: 'vertexai-parser',
  stability: 'beta',
  summary: 'Reads OpenAI requests inside Vertex AI gRPC messages.',
  config: v.unknown(),
  create: () => ({
    paths: PATHS,
    protocols: ['kubernetes.io/h2c'],
    dialect(path) {
      const claim = claimOf(PATHS, path);
      return claim === undefined ? 'none' : METHODS[methodOf(claim)].dialect;
    },
    parse(path, pieces) {
      const claim = claimOf(PATHS, path);
      if (claim === undefined) return OPAQUE;
      const { message, read, dialect } = METHODS[methodOf(claim)];
      const json = unwrap(message, pieces);
      if (json instanceof Rejection) return json;
      const body = readJsonObject([json]);
      if (body instanceof Rejection) return within(message, body);
      const facts = read(body);
      if (facts instanceof Rejection) return within(message, facts);
      return new JsonBody([json], body, { ...facts, dialect, renamable: false });
    },
  }),
});

function methodOf(claim: (typeof PATHS)[number]): Method {
  return claim.slice(claim.lastIndexOf('.') + 1) as Method;
}

/** The data of the message's `HttpBody`. */
function unwrap(type: string, pieces: readonly Uint8Array[]): Uint8Array | Rejection {
  const message = readGrpcMessage(pieces);
  if (message instanceof Rejection) return message;
  let data: Uint8Array | undefined;
  try {
    readFields(message, {
      [bytesTag(HTTP_BODY)]: (reader) => {
        data ??= new Uint8Array(0);
        readFields(reader.bytes(), {
          [bytesTag(HTTP_BODY_DATA)]: (httpBody) => {
            data = httpBody.bytes();
          },
        });
      },
    });
  } catch (error) {
    return reject('BadRequest', `unmarshaling ${type}: ${(error as Error).message}`);
  }
  return data ?? reject('BadRequest', `${type} has no HttpBody`);
}

function within(type: string, { code, message }: Rejection): Rejection {
  return reject(code, `parsing ${type}: ${message}`);
}
