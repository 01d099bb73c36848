import * as v from 'valibot';

/** The parameter that names the producer of `datum` a plugin reads; empty stands for the default one. */
export function producerName(datum: string) {
  const description = `Name of the producer of ${datum}; empty means the default one.`;
  return v.optional(v.pipe(v.string(), v.description(description)), '');
}

/** The parameter that names a number about endpoints. */
export const attributeName = v.pipe(
  v.string(),
  v.nonEmpty('must not be empty'),
  v.description('Name of a number about endpoints, for example of a custom metric.'),
);

/** The parameter that says by whom it is. */
export const attributeProducer = v.optional(
  v.pipe(v.string(), v.description('Who provides it: core-metrics-extractor when left out, anybody when empty.')),
);

/** Whether the name of an attribute cannot be taken for one with its producer in front. Source: contract 3.3. */
export function namesOneThing(attribute: string, producer: string | undefined): boolean {
  return producer !== undefined || !attribute.includes('/');
}

/** What to do when it can. */
export const NAME_THE_PRODUCER = 'must not contain "/" unless producer is given';
