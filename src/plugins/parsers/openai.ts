import * as v from 'valibot';
import { Rejection } from '../../core/errors.ts';
import { definePlugin } from '../../core/plugin.ts';
import { JsonBody } from '../../payload/json-body.ts';
import { readJsonObject } from '../../payload/json-object.ts';
import { claimOf } from './claims.ts';
import {
  readChat,
  readCompletion,
  readConversation,
  readEmbeddings,
  readImages,
  type ReadRequest,
  readResponses,
} from './openai-requests.ts';

/** Claimed paths and what reads their bodies. Source: contract `wire-protocol.md` 3.3. */
const APIS = {
  'chat/completions': readChat,
  'chat/completions/render': readChat,
  completions: readCompletion,
  'completions/render': readCompletion,
  embeddings: readEmbeddings,
  responses: readResponses,
  conversations: readConversation,
  'images/generations': readImages,
} as const satisfies Record<string, ReadRequest>;

const PATHS = Object.keys(APIS) as (keyof typeof APIS)[];

/** Reads the OpenAI requests that name a model. */
export const openaiParser = definePlugin({
  kind: 'parser',
  type: 'openai-parser',
  stability: 'beta',
  summary: 'Reads OpenAI chat completions, completions, embeddings, responses, conversations and image generations.',
  config: v.unknown(),
  create: () => ({
    paths: PATHS,
    dialect: (path) => (claimOf(PATHS, path) === 'responses' ? 'responses' : 'openai'),
    parse(path, pieces) {
      const body = readJsonObject(pieces);
      if (body instanceof Rejection) return body;
      const facts = APIS[claimOf(PATHS, path) ?? 'completions'](body);
      return facts instanceof Rejection ? facts : new JsonBody(pieces, body, facts);
    },
  }),
});
