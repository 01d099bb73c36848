import * as v from 'valibot';
import { definePlugin } from '../../core/plugin.ts';
import { keepByValue } from './labels.ts';

const parameters = v.pipe(
  v.strictObject({
    label: v.pipe(v.string(), v.nonEmpty('must not be empty'), v.description('Name of the label.')),
    validValues: v.optional(v.pipe(v.array(v.string()), v.description('Values of the label that are kept.')), []),
    allowsNoLabel: v.optional(v.pipe(v.boolean(), v.description('Keep endpoints without the label too.')), false),
  }),
  v.forward(
    v.check(
      ({ validValues, allowsNoLabel }) => validValues.length > 0 || allowsNoLabel,
      'must list a value, or allowsNoLabel must be true: nothing would be kept',
    ),
    ['validValues'],
  ),
);

/** Keeps endpoints whose label has one of the values or, where allowed, is absent. Source: contract 3.3. */
export const byLabel = definePlugin({
  kind: 'filter',
  type: 'by-label',
  stability: 'deprecated',
  summary: 'Keeps endpoints by the value of one label; use label-selector-filter or a role filter instead.',
  config: parameters,
  create: ({ label, validValues, allowsNoLabel }, { endpoints }) =>
    keepByValue(endpoints, label, validValues, allowsNoLabel),
});
