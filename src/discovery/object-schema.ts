import * as v from 'valibot';
import type { InferenceObjective } from '../datastore/objectives.ts';
import type { ModelRewrite } from '../datastore/rewrites.ts';

const MAX_WEIGHT = 1_000_000;

const requiredText = v.pipe(v.string(), v.nonEmpty('is empty'));
const poolRef = v.optional(
  v.object({ group: v.optional(v.string()), kind: v.optional(v.string()), name: requiredText }),
);
const int32 = v.pipe(v.number(), v.integer(), v.minValue(-(2 ** 31)), v.maxValue(2 ** 31 - 1));
const matches = v.optional(
  v.array(v.object({ model: v.object({ type: v.optional(v.literal('Exact')), value: requiredText }) })),
  [],
);
const targets = v.array(
  v.object({
    modelRewrite: requiredText,
    weight: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_WEIGHT))),
  }),
);
/** People who write a rule without targets forgot them; the definition lets one pass, and its requests are refused. */
const writtenRule = v.object({
  matches,
  targets: v.pipe(targets, v.nonEmpty('is empty, expected at least one target')),
});
const servedRule = v.object({ matches, targets: v.optional(targets, []) });

const timestamp = v.pipe(
  v.string(),
  v.check((text) => !Number.isNaN(Date.parse(text)), 'is not a time, expected one like 2026-01-31T12:00:00Z'),
);
/** Kubernetes adds a lot to these when it prints an object; only the names read here matter. */
const metadata = v.looseObject({ name: requiredText, creationTimestamp: v.nullish(timestamp) });
const envelope = { apiVersion: v.string(), kind: v.string(), metadata, status: v.optional(v.unknown()) };

/** An InferenceObjective. Source: contract `wire-protocol.md` 2.4. */
export const objectiveSchema = v.object({
  ...envelope,
  spec: v.optional(v.object({ priority: v.optional(int32), poolRef }), {}),
});

/** An InferenceModelRewrite as people write it. Source: contract `wire-protocol.md` 2.5. */
export const modelRewriteSchema = v.object({ ...envelope, spec: v.object({ rules: v.array(writtenRule), poolRef }) });

/** An InferenceModelRewrite as the API server hands it out. */
export const servedRewriteSchema = v.object({ ...envelope, spec: v.object({ rules: v.array(servedRule), poolRef }) });

export function toObjective({ metadata: { name }, spec }: v.InferOutput<typeof objectiveSchema>): InferenceObjective {
  return { name, priority: spec.priority ?? 0 };
}

export function toRewrite({ metadata: given, spec }: v.InferOutput<typeof servedRewriteSchema>): ModelRewrite {
  const { name, creationTimestamp } = given;
  return {
    name,
    createdAtMs: typeof creationTimestamp !== 'string' ? Infinity : Date.parse(creationTimestamp),
    rules: spec.rules.map((rule) => ({
      models: rule.matches.map(({ model }) => model.value),
      targets: rule.targets.map(({ modelRewrite: model, weight }) => ({ model, weight })),
    })),
  };
}
