import * as v from 'valibot';
import { Rejection, reject } from '../../core/errors.ts';
import { definePlugin } from '../../core/plugin.ts';
import { JsonBody, type JsonBodyFacts } from '../../payload/json-body.ts';
import { invalid, tokenLimit } from '../../payload/json-fields.ts';
import { isJsonObject, type JsonObject, readJsonObject } from '../../payload/json-object.ts';
import { promptOfIds } from '../../payload/prompt-features.ts';
import { isTokenIds } from '../../payload/prompt-text.ts';

const WHAT = 'generate';
const GENERATE = 'generate';

/** Reads SGLang's own generate requests, whose prompts are token ids. */
export const sglanghttpParser = definePlugin({
  kind: 'parser',
  type: 'sglanghttp-parser',
  stability: 'beta',
  summary: 'Reads SGLang generate requests, whose prompts come as token ids; the path must be exactly /generate.',
  config: v.unknown(),
  create: () => ({
    paths: [GENERATE],
    dialect: () => 'sglang',
    parse(path, pieces) {
      if (path !== `/${GENERATE}` && path !== GENERATE) return reject('BadRequest', `unsupported path: ${path}`);
      const body = readJsonObject(pieces);
      if (body instanceof Rejection) return body;
      const facts = readGenerate(body);
      return facts instanceof Rejection ? facts : new JsonBody(pieces, body, facts);
    },
  }),
});

function readGenerate(body: JsonObject): JsonBodyFacts | Rejection {
  const { input_ids: ids, extra_key: salt, sampling_params: sampling } = body;
  if (ids === undefined || ids === null) return invalid(WHAT, 'input_ids must be provided');
  if (!isTokenIds(ids)) return invalid(WHAT, 'input_ids must be an array of uint32 integers');
  if (ids.length === 0) return invalid(WHAT, 'input_ids cannot be empty');
  if (salt !== undefined && salt !== null && typeof salt !== 'string') {
    return reject('BadRequest', 'unsupported generate request: extra_key must be a string');
  }
  return {
    api: 'generate',
    dialect: 'sglang',
    maxOutputTokens: tokenLimit(isJsonObject(sampling) ? sampling.max_new_tokens : undefined),
    saltField: 'extra_key',
    renamable: false,
    tokenized: true,
    prompt: () => promptOfIds(ids),
  };
}
