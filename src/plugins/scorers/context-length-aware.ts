import * as v from 'valibot';
import { dataKey, TOKENIZED_PROMPT } from '../../core/data.ts';
import { labelOf } from '../../core/endpoint.ts';
import { definePlugin } from '../../core/plugin.ts';
import { TenantMemo } from '../../datastore/tenant-memo.ts';
import { narrow } from '../../scheduling/narrow.ts';

/** What an endpoint scores that names no range, or any when the length is unknown. */
const NEUTRAL = 0.5;
/** What an endpoint scores below when the request is not in its range, and above when it is. */
const BORDER = 0.3;
/** Width of a range, in tokens, that halves its worth; and distance from one that does. */
const HALF_WIDTH = 10_000;
const HALF_DISTANCE = 1000;

const parameters = v.strictObject({
  label: v.optional(
    v.pipe(
      v.string(),
      v.nonEmpty('must not be empty'),
      v.description('Label of endpoints with the lengths they are meant for, "min-max" in tokens.'),
    ),
    'llm-d.ai/context-length-range',
  ),
  enableFiltering: v.optional(
    v.pipe(v.boolean(), v.description('Leave out endpoints whose range a request is not in.')),
    false,
  ),
});

interface Range {
  readonly min: number;
  readonly max: number;
}

/** A label that is no range. */
const BAD: Range = { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY };
/** No label. */
const ANY: Range = { min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY };

/**
 * Prefers endpoints meant for requests of this length, in tokens. In range: 0.3 + 0.7 * (0.7 / (1 + width / 10000) +
 * 0.3 * (max - length) / width), 1 for a width of 0; out of range: 0.3 / (1 + distance / 1000); no label 0.5, a bad one
 * 0. With `enableFiltering` only endpoints in range or without a label are kept. A length nobody counted scores 0.5
 * where the label is no bad one, and excludes nobody else. Source: contract 3.4.
 */
export const contextLengthAware = definePlugin({
  kind: 'scorer',
  also: ['filter'],
  type: 'context-length-aware',
  stability: 'beta',
  summary: 'Prefers, or keeps, endpoints meant for prompts as long as this one.',
  config: parameters,
  consumes: () => [dataKey(TOKENIZED_PROMPT)],
  create({ label, enableFiltering }, context) {
    const promptOf = context.read(dataKey(TOKENIZED_PROMPT));
    const ranges = new TenantMemo(context.endpoints, (endpoint) => parseRange(labelOf(endpoint, label)));
    return {
      filter(request, candidates) {
        if (!enableFiltering) return candidates;
        const length = promptOf(request)?.tokens;
        return narrow(candidates, (slot) => admits(ranges.at(slot) ?? BAD, length));
      },
      score(request, candidates, out) {
        const length = promptOf(request)?.tokens;
        for (let i = 0; i < candidates.length; i++) out[i] = fit(ranges.at(candidates[i]) ?? BAD, length);
      },
      onEndpointRemoved: (slot) => ranges.forget(slot),
    };
  },
});

/** Reads `min-max`, whole numbers that may stand between spaces. */
function parseRange(text: string | undefined): Range {
  if (text === undefined) return ANY;
  const bounds = /^\s*(\d+)\s*-\s*(\d+)\s*$/.exec(text);
  if (bounds === null) return BAD;
  const [min, max] = [Number(bounds[1]), Number(bounds[2])];
  return min <= max ? { min, max } : BAD;
}

function admits(range: Range, length: number | undefined): boolean {
  return range !== BAD && (length === undefined || (length >= range.min && length <= range.max));
}

function fit(range: Range, length: number | undefined): number {
  if (range === BAD) return 0;
  if (range === ANY || length === undefined) return NEUTRAL;
  const { min, max } = range;
  if (length < min) return BORDER / (1 + (min - length) / HALF_DISTANCE);
  if (length > max) return BORDER / (1 + (length - max) / HALF_DISTANCE);
  const width = max - min;
  if (width === 0) return 1;
  const worth = 0.7 / (1 + width / HALF_WIDTH) + (0.3 * (max - length)) / width;
  return BORDER + worth * (1 - BORDER);
}
