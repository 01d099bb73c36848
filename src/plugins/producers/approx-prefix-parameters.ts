import * as v from 'valibot';

export const DEFAULT_BLOCK_TOKENS = 16;
export const DEFAULT_CAPACITY = 31_250;

const wholeNumber = v.pipe(v.number(), v.integer());

/** Parameters of `approx-prefix-cache-producer`. Source: contract 3.5. */
export const approxPrefixParameters = v.pipe(
  v.strictObject({
    autoTune: v.optional(
      v.pipe(v.boolean(), v.description('Take block size and capacity from what the servers report.')),
      true,
    ),
    blockSizeTokens: v.optional(
      v.pipe(wholeNumber, v.description('Tokens per block when the servers report none; at least 64 are used.')),
      DEFAULT_BLOCK_TOKENS,
    ),
    blockSize: v.optional(v.pipe(wholeNumber, v.description('Deprecated name of blockSizeTokens.')), 0),
    maxPrefixBlocksToMatch: v.optional(
      v.pipe(wholeNumber, v.description('Deprecated: blocks per request when maxPrefixTokensToMatch is 0.')),
      2048,
    ),
    maxPrefixTokensToMatch: v.optional(
      v.pipe(
        wholeNumber,
        v.minValue(0, 'must not be negative'),
        v.description('Tokens of a request that are looked at.'),
      ),
      131_072,
    ),
    lruCapacityPerServer: v.optional(
      v.pipe(wholeNumber, v.description('Blocks remembered per endpoint when its server does not report its cache.')),
      DEFAULT_CAPACITY,
    ),
  }),
  v.forward(
    v.check(({ autoTune, blockSizeTokens }) => autoTune || blockSizeTokens > 0, 'must be above 0 when autoTune is off'),
    ['blockSizeTokens'],
  ),
);

export type ApproxPrefixParameters = v.InferOutput<typeof approxPrefixParameters>;
