import * as v from 'valibot';
import { Rejection } from '../../core/errors.ts';
import { definePlugin } from '../../core/plugin.ts';
import { JsonBody, type JsonBodyFacts } from '../../payload/json-body.ts';
import { checkFields, invalid, tokenLimit } from '../../payload/json-fields.ts';
import { isJsonObject, type JsonObject, readJsonObject } from '../../payload/json-object.ts';
import { promptOfIds, readPlaceholders } from '../../payload/prompt-features.ts';
import { isTokenIds } from '../../payload/prompt-text.ts';

const WHAT = 'generate';

/** Reads vLLM's own generate requests, whose prompts are token ids. */
export const vllmhttpParser = definePlugin({
  kind: 'parser',
  type: 'vllmhttp-parser',
  stability: 'beta',
  summary: 'Reads vLLM generate requests, whose prompts come as token ids.',
  config: v.unknown(),
  create: () => ({
    paths: ['inference/v1/generate'],
    dialect: () => 'vllm',
    parse(_path, pieces) {
      const body = readJsonObject(pieces);
      if (body instanceof Rejection) return body;
      const facts = readGenerate(body);
      return facts instanceof Rejection ? facts : new JsonBody(pieces, body, facts);
    },
  }),
});

/** `features` tells which of the token ids stand for media. */
function readGenerate(body: JsonObject): JsonBodyFacts | Rejection {
  const { token_ids: ids, sampling_params: sampling } = body;
  if (!Array.isArray(ids) || ids.length === 0) return invalid(WHAT, 'must have non-empty token_ids field');
  if (!isTokenIds(ids)) return invalid(WHAT, 'token_ids must be an array of uint32 integers');
  return (
    checkFields(WHAT, body, { cache_salt: 'a string' }) ?? {
      api: 'generate',
      dialect: 'vllm',
      maxOutputTokens: tokenLimit(isJsonObject(sampling) ? sampling.max_tokens : undefined),
      tokenized: true,
      prompt: () => promptOfIds(ids, readPlaceholders(body.features)),
    }
  );
}
