import * as v from 'valibot';
import { attributeName, attributeProducer, NAME_THE_PRODUCER, namesOneThing } from '../../config/parameters.ts';
import { attributeKey } from '../../core/endpoint-facts.ts';
import { definePlugin } from '../../core/plugin.ts';
import { narrow } from '../../scheduling/narrow.ts';

/** Whether a value is kept, given the value it is compared with. */
const OPERATORS = {
  LessThan: (value: number, bound: number) => value < bound,
  LessThanOrEqual: (value: number, bound: number) => value <= bound,
  GreaterThan: (value: number, bound: number) => value > bound,
  GreaterThanOrEqual: (value: number, bound: number) => value >= bound,
  Equal: (value: number, bound: number) => value === bound,
  NotEqual: (value: number, bound: number) => value !== bound,
} as const;
const OPERATOR_NAMES = [
  'LessThan',
  'LessThanOrEqual',
  'GreaterThan',
  'GreaterThanOrEqual',
  'Equal',
  'NotEqual',
] as const satisfies readonly (keyof typeof OPERATORS)[];

const threshold = v.strictObject({
  operator: v.pipe(
    v.picklist(OPERATOR_NAMES, `must be one of ${OPERATOR_NAMES.join(', ')}`),
    v.description('How the attribute of an endpoint that is kept compares with value.'),
  ),
  value: v.pipe(v.number(), v.finite('must be finite'), v.description('What it is compared with.')),
});

const parameters = v.pipe(
  v.strictObject({
    attribute: attributeName,
    producer: attributeProducer,
    onMissing: v.optional(
      v.pipe(
        v.picklist(['Pass', 'Fail', ''], 'must be Pass or Fail'),
        v.description('Whether endpoints without the attribute are kept; empty means Pass.'),
      ),
      'Pass',
    ),
    fallbackOnEmpty: v.optional(
      v.pipe(v.boolean(), v.description('Keep every endpoint when the filter would leave none.')),
      false,
    ),
    algorithm: v.strictObject({
      type: v.pipe(v.picklist(['threshold'], 'must be threshold'), v.description('How endpoints are chosen.')),
      threshold,
    }),
  }),
  v.forward(
    v.check(({ attribute, producer }) => namesOneThing(attribute, producer), NAME_THE_PRODUCER),
    ['attribute'],
  ),
);

/**
 * Keeps endpoints of which a number compares with a value as the operator says. One whose number nobody knows is kept
 * or not by `onMissing`. Source: contract 3.3.
 */
export const endpointAttributeFilter = definePlugin({
  kind: 'filter',
  type: 'endpoint-attribute-filter',
  stability: 'alpha',
  summary: 'Keeps endpoints of which a number, such as a custom metric, is over or under a threshold.',
  config: parameters,
  reads: ({ attribute, producer }) => [attributeKey(attribute, producer)],
  create({ attribute, producer, onMissing, fallbackOnEmpty, algorithm }, { endpoints }) {
    const { operator, value: bound } = algorithm.threshold;
    const compares = OPERATORS[operator];
    const keepsUnknown = onMissing !== 'Fail';
    return {
      filter(_request, candidates) {
        const values = endpoints.attribute(attribute, producer);
        const keeps = (slot: number): boolean => {
          const value = values === undefined ? Number.NaN : values[slot];
          return Number.isNaN(value) ? keepsUnknown : compares(value, bound);
        };
        const left = narrow(candidates, keeps);
        return left.length === 0 && fallbackOnEmpty ? candidates : left;
      },
    };
  },
});
