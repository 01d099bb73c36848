import * as v from 'valibot';
import { labelOf } from '../../core/endpoint.ts';
import { definePlugin } from '../../core/plugin.ts';
import { keepByLabels } from './labels.ts';

const OPERATORS = ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const;
type Operator = (typeof OPERATORS)[number];

const SEGMENT = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Whether text is a label name, `[prefix/]name`. Source: Kubernetes "Labels and Selectors". */
function isLabelName(text: string): boolean {
  const slash = text.indexOf('/');
  const prefix = text.slice(0, Math.max(slash, 0));
  return (slash < 0 || (prefix.length <= 253 && SUBDOMAIN.test(prefix))) && SEGMENT.test(text.slice(slash + 1));
}

const labelName = v.pipe(
  v.string(),
  v.check(isLabelName, 'must be a label name: [prefix/]name, the name at most 63 of A-Z a-z 0-9 - _ .'),
);
const labelValue = v.pipe(
  v.string(),
  v.check((text) => text === '' || SEGMENT.test(text), 'must be a label value: at most 63 of A-Z a-z 0-9 - _ .'),
);

const expression = v.pipe(
  v.strictObject({
    key: v.pipe(labelName, v.description('Name of the label.')),
    operator: v.pipe(
      v.picklist(OPERATORS, `must be one of ${OPERATORS.join(', ')}`),
      v.description('How the label is compared.'),
    ),
    values: v.optional(v.pipe(v.array(labelValue), v.description('Values for In and NotIn.')), []),
  }),
  v.forward(
    v.check(({ operator, values }) => !comparesValues(operator) || values.length > 0, 'must list values'),
    ['values'],
  ),
  v.forward(
    v.check(
      ({ operator, values }) => comparesValues(operator) || values.length === 0,
      'must be empty: Exists and DoesNotExist compare no values',
    ),
    ['values'],
  ),
);

type Expression = v.InferOutput<typeof expression>;

const parameters = v.strictObject({
  matchLabels: v.optional(
    v.pipe(v.record(labelName, labelValue), v.description('Labels an endpoint must have, with these values.')),
    {},
  ),
  matchExpressions: v.optional(
    v.pipe(v.array(expression), v.description('Further conditions; an endpoint must meet all.')),
    [],
  ),
});

/**
 * Keeps endpoints whose labels match a Kubernetes label selector: every label and every expression. NotIn holds where
 * the label is absent; no parameters match everything. Source: contract 3.3, Kubernetes "Labels and Selectors".
 */
export const labelSelectorFilter = definePlugin({
  kind: 'filter',
  type: 'label-selector-filter',
  stability: 'beta',
  summary: 'Keeps endpoints whose labels match a Kubernetes label selector.',
  config: parameters,
  create({ matchLabels, matchExpressions }, { endpoints }) {
    const wanted = Object.entries(matchLabels);
    return keepByLabels(
      endpoints,
      (endpoint) =>
        wanted.every(([name, value]) => labelOf(endpoint, name) === value) &&
        matchExpressions.every((each) => holds(each, labelOf(endpoint, each.key))),
    );
  },
});

function comparesValues(operator: Operator): boolean {
  return operator === 'In' || operator === 'NotIn';
}

function holds({ operator, values }: Expression, value: string | undefined): boolean {
  if (operator === 'Exists') return value !== undefined;
  if (operator === 'DoesNotExist') return value === undefined;
  const listed = value !== undefined && values.includes(value);
  return listed === (operator === 'In');
}
