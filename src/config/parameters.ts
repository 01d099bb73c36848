import * as v from 'valibot';

/** The parameter that names the producer of `datum` a plugin reads; empty stands for the default one. */
export function producerName(datum: string) {
  const description = `Name of the producer of ${datum}; empty means the default one.`;
  return v.optional(v.pipe(v.string(), v.description(description)), '');
}
