import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { create } from '../../../test/kit/plugins.ts';
import { SAMPLE_PARAMETERS } from '../../../test/kit/sample-parameters.ts';
import type { PluginKind } from '../../core/kinds.ts';
import type { Stability } from '../../core/plugin.ts';
import { PLUGINS } from '../catalog.ts';

const KINDS = new Set<PluginKind>(['fairness-policy', 'ordering-policy', 'usage-limit-policy', 'eviction-policy']);
const policies = PLUGINS.filter(({ kind }) => KINDS.has(kind));

/** Contract 3.8. */
const EXPECTED: readonly [type: string, kind: PluginKind, stability: Stability][] = [
  ['global-strict-fairness-policy', 'fairness-policy', 'beta'],
  ['round-robin-fairness-policy', 'fairness-policy', 'beta'],
  ['program-aware-fairness', 'fairness-policy', 'beta'],
  ['fcfs-ordering-policy', 'ordering-policy', 'beta'],
  ['edf-ordering-policy', 'ordering-policy', 'beta'],
  ['slo-deadline-ordering-policy', 'ordering-policy', 'beta'],
  ['static-usage-limit-policy', 'usage-limit-policy', 'beta'],
  ['priority-holdback-policy', 'usage-limit-policy', 'alpha'],
  ['soft-reflective-ceiling-policy', 'usage-limit-policy', 'alpha'],
  ['sheddable-eviction-filter', 'eviction-policy', 'alpha'],
  ['priority-then-time-eviction-order-policy', 'eviction-policy', 'alpha'],
];

describe('flow control policies', () => {
  it('are those of the contract', () => {
    expect(policies.map(({ type, kind, stability }) => [type, kind, stability])).toEqual(EXPECTED);
  });

  it.each(policies.map((definition) => [definition.type, definition] as const))(
    '%s does nothing, and says so',
    (type, definition) => {
      const instance = create(definition, SAMPLE_PARAMETERS[type] ?? {});
      expect(Object.keys(instance)).toEqual([]);
      expect(definition.summary).toMatch(/ Without effect yet\.$/);
    },
  );
});

function configOf(type: string): v.GenericSchema {
  const definition = policies.find((each) => each.type === type);
  if (definition === undefined) throw new Error(`no policy is called ${type}`);
  return definition.config;
}

const refusals = (type: string, parameters: unknown): string[] =>
  v.safeParse(configOf(type), parameters).issues?.map(({ message }) => message) ?? [];

describe('parameters of policies', () => {
  it.each<[type: string, parameters: object, messages: string[]]>([
    ['priority-holdback-policy', { minCeiling: 0 }, []],
    ['priority-holdback-policy', { minCeiling: 0.999, maxCeiling: 1, domain: 'value', shape: 'linear' }, []],
    [
      'priority-holdback-policy',
      { minCeiling: 1 },
      ['must be at least 0 and less than 1', 'must be less than maxCeiling'],
    ],
    ['priority-holdback-policy', { minCeiling: -0.1 }, ['must be at least 0 and less than 1']],
    ['priority-holdback-policy', { minCeiling: 0.5, maxCeiling: 0.51 }, []],
    ['priority-holdback-policy', { minCeiling: 0.5, maxCeiling: 0.5 }, ['must be less than maxCeiling']],
    ['priority-holdback-policy', { minCeiling: 0.5, maxCeiling: 1.01 }, ['must be more than 0 and at most 1']],
    [
      'priority-holdback-policy',
      { minCeiling: 0.5, maxCeiling: 0 },
      ['must be more than 0 and at most 1', 'must be less than maxCeiling'],
    ],
    [
      'priority-holdback-policy',
      { minCeiling: 0.5, shape: 'step', domain: 'log' },
      ['must be linear', 'must be rank or value'],
    ],
    ['program-aware-fairness', {}, []],
    ['program-aware-fairness', { evictionTtlSeconds: 0, lasHalfLifeSeconds: 0, lasWeightService: 0 }, []],
    ['program-aware-fairness', { strategy: 'fifo' }, ['must be las']],
    ['program-aware-fairness', { evictionTtlSeconds: -1 }, ['must not be negative']],
    ['program-aware-fairness', { evictionSweepSeconds: 0 }, ['must be more than 0']],
    [
      'program-aware-fairness',
      { lasWeightService: -1, lasWeightHeadWait: -1, lasHalfLifeSeconds: -1 },
      ['must not be negative', 'must not be negative', 'must not be negative'],
    ],
    ['static-usage-limit-policy', { threshold: 0.5 }, []],
    ['soft-reflective-ceiling-policy', {}, []],
    ['soft-reflective-ceiling-policy', { threshold: 1 }, ['must be empty: there are no parameters']],
  ])('of %s: %j', (type, parameters, messages) => {
    expect(refusals(type, parameters)).toEqual(messages);
  });

  it('of the holdback cannot do without the lowest ceiling', () => {
    expect(refusals('priority-holdback-policy', {})).toEqual([
      expect.stringMatching(/^Invalid key: Expected "minCeiling"/),
    ]);
  });

  it('have the defaults of the contract', () => {
    expect(v.parse(configOf('program-aware-fairness'), {})).toEqual({
      strategy: 'las',
      evictionTtlSeconds: 3600,
      evictionSweepSeconds: 300,
      lasWeightService: 0.8,
      lasWeightHeadWait: 0.2,
      lasHalfLifeSeconds: 60,
    });
    expect(v.parse(configOf('static-usage-limit-policy'), {})).toEqual({ threshold: 1 });
    expect(v.parse(configOf('priority-holdback-policy'), { minCeiling: 0.2 })).toEqual({
      shape: 'linear',
      domain: 'rank',
      minCeiling: 0.2,
      maxCeiling: 1,
    });
  });
});
