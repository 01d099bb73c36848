import * as v from 'valibot';

/** The parameter `primaryPort`. With 0 the reference names port 0 to the proxy (contract 3.2), which serves nobody. */
export function primaryPortParameter(fallback: number) {
  return v.optional(
    v.pipe(
      v.number(),
      v.integer(),
      v.minValue(0, 'must be between 0 and 65535'),
      v.maxValue(65_535, 'must be between 0 and 65535'),
      v.description("Port the proxy is told in place of each endpoint's own; 0 leaves it as it is."),
    ),
    fallback,
  );
}
