import * as v from 'valibot';
import type { Follower } from '../../core/hooks.ts';
import { definePlugin } from '../../core/plugin.ts';
import { compileUsageExpression, type ExpressionUse } from './usage-expression.ts';

const DEFAULT_NAMESPACE = 'envoy.lb';

const expression = (use: ExpressionUse) =>
  v.pipe(
    v.string(),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      try {
        compileUsageExpression(dataset.value, use);
      } catch (error) {
        addIssue({ message: (error as Error).message });
      }
    }),
  );

const attribute = v.strictObject({
  key: v.strictObject({
    namespace: v.optional(
      v.pipe(
        v.string(),
        v.transform((name) => name || DEFAULT_NAMESPACE),
        v.description('Namespace of the metadata; gateways set up by Istio take envoy.lb and no other.'),
      ),
      DEFAULT_NAMESPACE,
    ),
    name: v.pipe(v.string(), v.nonEmpty('must not be empty'), v.description('Key in the namespace.')),
  }),
  expression: v.pipe(expression('number'), v.description('CEL over `usage` that yields the value.')),
  condition: v.optional(
    v.pipe(
      v.union([v.literal(''), expression('condition')]),
      v.description('CEL over `usage`; where it is false nothing is written.'),
    ),
    '',
  ),
});

/**
 * Tells the proxy a number made of the tokens a response took, as metadata beside the end of its body. What is 0 or no
 * number is not written; of other numbers the whole part. An expression that fails for a response is counted, and
 * nothing is written. Source: contract `config-and-plugins.md` 3.6.
 */
export const requestAttributeReporter = definePlugin({
  kind: 'hook',
  type: 'request-attribute-reporter',
  stability: 'beta',
  summary: 'Tells the proxy a number computed from the token usage of each response.',
  config: v.strictObject({
    attributes: v.pipe(
      v.array(attribute),
      v.length(1, 'must have exactly one entry'),
      v.description('What to tell: exactly one.'),
    ),
  }),
  create({ attributes: [{ key, expression: value, condition }] }, { meter }) {
    const valueOf = compileUsageExpression(value, 'number');
    const applies = condition === '' ? undefined : compileUsageExpression(condition, 'condition');
    const follower: Follower = {
      onComplete(usage, metadata) {
        try {
          if (applies !== undefined && applies(usage) !== true) return;
          const number = wholePart(valueOf(usage));
          if (number !== 0) metadata.set(key.namespace, key.name, number);
        } catch (error) {
          meter.fault(error);
        }
      },
    };
    return { onPicked: () => follower };
  },
});

/** 0 for what is no finite number. */
function wholePart(value: unknown): number {
  const number = typeof value === 'bigint' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? Math.trunc(number) : 0;
}
