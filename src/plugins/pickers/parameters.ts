import * as v from 'valibot';

/** Parameters every picker takes; counts of 0 and less mean 1, as in the contract. */
export const pickerParameters = v.strictObject({
  maxNumOfEndpoints: v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.transform((count) => Math.max(1, count)),
      v.description('How many endpoints to rank; the first is the target, the rest are fallbacks.'),
    ),
    1,
  ),
});
