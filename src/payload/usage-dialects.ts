import type { JsonDialect } from '../core/request.ts';
import { isJsonObject, type JsonObject } from './json-object.ts';
import type { Usage } from '../core/usage.ts';
import { anthropicUsage, openAiUsage, sglangUsage, type UsageShape } from './usage.ts';

/** How one dialect tells its usage. Source: contract `wire-protocol.md` 3.3. */
export interface UsageDialect {
  /** The member whose value is the usage object. */
  readonly key: string;
  readonly shape: UsageShape;
  /** Usage told by one event of a stream. */
  ofEvent(event: JsonObject): Usage | undefined;
}

const OPENAI: UsageDialect = { key: 'usage', shape: openAiUsage, ofEvent: (event) => openAiUsage(event.usage) };

export const USAGE_DIALECTS: Readonly<Record<JsonDialect, UsageDialect>> = {
  openai: OPENAI,
  vllm: OPENAI,
  responses: {
    key: 'usage',
    shape: openAiUsage,
    // Events before the last carry the response as it stands; only the completed one counts.
    ofEvent: ({ type, response }) =>
      type === 'response.completed' && isJsonObject(response) ? openAiUsage(response.usage) : undefined,
  },
  anthropic: {
    key: 'usage',
    shape: anthropicUsage,
    ofEvent({ type, message, usage }) {
      if (type === 'message_delta') return anthropicUsage(usage);
      if (type !== 'message_start' || !isJsonObject(message)) return undefined;
      const start = anthropicUsage(message.usage);
      // The output count of the first event is a placeholder.
      return start && { promptTokens: start.promptTokens, cachedTokens: start.cachedTokens };
    },
  },
  sglang: {
    key: 'meta_info',
    shape: sglangUsage,
    // Every event repeats the counts; they are final where the generation finished.
    ofEvent: ({ meta_info: meta }) =>
      isJsonObject(meta) && meta.finish_reason !== undefined && meta.finish_reason !== null
        ? sglangUsage(meta)
        : undefined,
  },
};

/**
 * Whether an event of a 200 stream tells of a failure: an `error` member that is not null (vLLM, OpenAI, Anthropic),
 * an event of type `error` or `response.failed`, or the flat `object: "error"` of older vLLM.
 */
export function tellsFailure(event: JsonObject): boolean {
  const { type, error, object } = event;
  if (type === 'error' || type === 'response.failed' || object === 'error') return true;
  return isJsonObject(error) || (typeof error === 'string' && error !== '');
}
