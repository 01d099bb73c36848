import type { Usage } from '../core/usage.ts';
import { isJsonObject } from './json-object.ts';

/** Reads a usage object of one dialect; undefined when there is no count in it. */
export type UsageShape = (value: unknown) => Usage | undefined;

/** Chat, completions, embeddings and responses: `prompt_tokens` or `input_tokens`, and so on. */
export const openAiUsage: UsageShape = (value) => {
  if (!isJsonObject(value)) return undefined;
  const details = [value.prompt_tokens_details, value.input_tokens_details].find(isJsonObject);
  return known({
    promptTokens: tokenCount(value.prompt_tokens) ?? tokenCount(value.input_tokens),
    completionTokens: tokenCount(value.completion_tokens) ?? tokenCount(value.output_tokens),
    cachedTokens: tokenCount(details?.cached_tokens),
  });
};

export const anthropicUsage: UsageShape = (value) => {
  if (!isJsonObject(value)) return undefined;
  return known({
    promptTokens: tokenCount(value.input_tokens),
    completionTokens: tokenCount(value.output_tokens),
    cachedTokens: tokenCount(value.cache_read_input_tokens),
  });
};

/** SGLang's own `/generate` counts inside `meta_info`. */
export const sglangUsage: UsageShape = (value) => {
  if (!isJsonObject(value)) return undefined;
  return known({
    promptTokens: tokenCount(value.prompt_tokens),
    completionTokens: tokenCount(value.completion_tokens),
    cachedTokens: tokenCount(value.cached_tokens),
  });
};

/**
 * Joins what two events of one answer say, count by count; the later one wins. A later zero does not: servers that
 * split the counts over events fill the ones they leave out with it.
 */
export function mergeUsage(earlier: Usage | undefined, later: Usage | undefined): Usage | undefined {
  if (earlier === undefined || later === undefined) return later ?? earlier;
  return {
    promptTokens: newer(earlier.promptTokens, later.promptTokens),
    completionTokens: newer(earlier.completionTokens, later.completionTokens),
    cachedTokens: newer(earlier.cachedTokens, later.cachedTokens),
  };
}

function newer(earlier: number | undefined, later: number | undefined): number | undefined {
  return later === undefined || later === 0 ? (earlier ?? later) : later;
}

function known(usage: Usage): Usage | undefined {
  const { promptTokens, completionTokens, cachedTokens } = usage;
  return promptTokens === undefined && completionTokens === undefined && cachedTokens === undefined ? undefined : usage;
}

/** A count as a number or as digits in a string; anything else counts as absent. */
function tokenCount(value: unknown): number | undefined {
  const count = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return Number.isSafeInteger(count) && (count as number) >= 0 ? (count as number) : undefined;
}
