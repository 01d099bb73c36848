import { assert, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readObjects } from './objects-file.ts';

const read = (text: string, pool?: string): ReturnType<typeof readObjects> => readObjects(text, 'objects.yaml', pool);

const OBJECTIVE = `apiVersion: llm-d.ai/v1alpha2
kind: InferenceObjective
metadata: {name: gold}
spec: {priority: 4, poolRef: {group: inference.networking.k8s.io, kind: InferencePool, name: llm}}
`;
const REWRITE = `apiVersion: inference.networking.x-k8s.io/v1alpha2
kind: InferenceModelRewrite
metadata: {name: canary, namespace: llm, creationTimestamp: "2026-01-31T12:00:00Z", labels: {a: b}}
spec:
  poolRef: {name: llm}
  rules:
  - matches:
    - model: {type: Exact, value: chat}
    - model: {value: chat-latest}
    targets:
    - {modelRewrite: chat-v1, weight: 9}
    - {modelRewrite: chat-v2, weight: 1}
  - targets: [{modelRewrite: any}]
`;

/** A rewrite with one rule in flow style; errors in it stand in line 4. */
const withRule = (rule: string): string =>
  `apiVersion: llm-d.ai/v1alpha2\nkind: InferenceModelRewrite\nmetadata: {name: r}\nspec: {rules: [${rule}]}\n`;
const withSpec = (spec: string): string =>
  `apiVersion: llm-d.ai/v1alpha2\nkind: InferenceObjective\nmetadata: {name: o}\nspec: ${spec}\n`;

describe('readObjects', () => {
  it('reads both kinds of both groups from one file', () => {
    expect(read(`# ours\n${OBJECTIVE}---\n${REWRITE}---\n---\n${OBJECTIVE.replace('gold', 'none')}`)).toEqual({
      objectives: [
        { name: 'gold', priority: 4 },
        { name: 'none', priority: 4 },
      ],
      rewrites: [
        {
          name: 'canary',
          createdAtMs: Date.UTC(2026, 0, 31, 12),
          rules: [
            {
              models: ['chat', 'chat-latest'],
              targets: [
                { model: 'chat-v1', weight: 9 },
                { model: 'chat-v2', weight: 1 },
              ],
            },
            { models: [], targets: [{ model: 'any', weight: undefined }] },
          ],
        },
      ],
      errors: [],
      warnings: [],
    });
  });

  it('reads what kubectl prints', () => {
    const item = { apiVersion: 'llm-d.ai/v1alpha2', kind: 'InferenceObjective', metadata: { name: 'a', uid: 'x' } };
    const status = { conditions: [{ type: 'Ready', status: 'Unknown' }] };
    const items = [
      { ...item, spec: { priority: -1 }, status },
      { ...item, metadata: { name: 'b' }, spec: null },
    ];
    const { objectives, errors } = read(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
    expect(errors).toEqual([]);
    expect(objectives).toEqual([
      { name: 'a', priority: -1 },
      { name: 'b', priority: 0 },
    ]);
  });

  it.each(['', '---\n', '# nothing\n---\n# nothing\n'])('takes %j for no objects', (text) => {
    expect(read(text)).toEqual({ objectives: [], rewrites: [], errors: [], warnings: [] });
  });

  it('makes objects without a creation time the youngest', () => {
    const text = REWRITE.replace('"2026-01-31T12:00:00Z"', 'null');
    expect(read(text).rewrites).toMatchObject([{ createdAtMs: Infinity }]);
  });

  it('leaves out what is for another pool', () => {
    expect(read(`${OBJECTIVE}---\n${REWRITE}`, 'llm')).toMatchObject({
      objectives: [{}],
      rewrites: [{}],
      warnings: [],
    });
    const { objectives, rewrites, warnings } = read(`${OBJECTIVE}---\n${REWRITE}`, 'other');
    expect([objectives, rewrites]).toEqual([[], []]);
    expect(warnings).toEqual([
      'objects.yaml:4:94: spec.poolRef.name: "gold" is left out: it is for pool "llm", not for "other"',
      'objects.yaml:10:19: spec.poolRef.name: "canary" is left out: it is for pool "llm", not for "other"',
    ]);
  });

  it('lets the last of two objects with one name win', () => {
    const { objectives, warnings } = read(`${OBJECTIVE}---\n${OBJECTIVE.replace('priority: 4', 'priority: 5')}`);
    expect(objectives).toEqual([{ name: 'gold', priority: 5 }]);
    expect(warnings).toEqual(['objects.yaml:6:1: replaces an earlier InferenceObjective "gold"']);
  });

  it.each([
    [withSpec('{priority: 2147483647}')],
    [withSpec('{priority: -2147483648}')],
    [withSpec('{}')],
    [withRule('{targets: [{modelRewrite: a, weight: 0}]}')],
    [withRule('{targets: [{modelRewrite: a, weight: 1000000}]}')],
  ])('takes %s', (text) => {
    expect(read(text).errors).toEqual([]);
  });

  it.each([
    ['a', '1:1: found "a", expected an object with apiVersion, kind, metadata and spec'],
    [
      'kind: Pod',
      '1:1: apiVersion: found nothing, expected llm-d.ai/v1alpha2 or inference.networking.x-k8s.io/v1alpha2',
    ],
    [OBJECTIVE.replace('InferenceO', 'O'), '2:7: kind: found "Objective", expected InferenceObjective or'],
    [OBJECTIVE.replace('name: gold', ''), '3:11: metadata.name: is required'],
    [withSpec('{priority: 2147483648}'), '4:18: spec.priority: found 2147483648, expected'],
    [withSpec('{priority: 1.5}'), '4:18: spec.priority: found 1.5, expected a whole number'],
    [withSpec('{priority: "1"}'), '4:18: spec.priority: found "1", expected a number'],
    [withSpec('{priorty: 1}'), '4:8: spec.priorty: unknown key "priorty"'],
    [withRule(''), ''],
    [withRule('{targets: []}'), '4:26: spec.rules[0].targets: is empty, expected at least one target'],
    [withRule('{}'), 'spec.rules[0].targets: is required'],
    [withRule('{targets: [{modelRewrite: a, weight: 1000001}]}'), 'spec.rules[0].targets[0].weight: found 1000001'],
    [withRule('{targets: [{modelRewrite: a, weight: -1}]}'), 'spec.rules[0].targets[0].weight: found -1'],
    [withRule('{targets: [{modelRewrite: ""}]}'), 'spec.rules[0].targets[0].modelRewrite: is empty'],
    [
      withRule('{matches: [{model: {type: Regex, value: a}}], targets: [{modelRewrite: a}]}'),
      'spec.rules[0].matches[0].model.type: found "Regex", expected "Exact"',
    ],
    [
      withRule('{matches: [{model: {value: ""}}], targets: [{modelRewrite: a}]}'),
      'spec.rules[0].matches[0].model.value: is empty',
    ],
    [REWRITE.replace('2026-01-31T12:00:00Z', 'yesterday'), '3:61: metadata.creationTimestamp: is not a time'],
  ])('says what is wrong with %j', (text, error) => {
    const { errors } = read(text);
    if (error === '') expect(errors).toEqual([]);
    else expect(errors).toEqual(expect.arrayContaining([expect.stringContaining(error)]));
  });

  it('tells all errors of all documents, each with its line in the file', () => {
    const { errors } = read(
      `${withSpec('{priority: a}')}---\n${OBJECTIVE}---\nspec: {a\n---\n${withSpec('{priority: b}')}`,
    );
    expect(errors.map((line) => line.split(': ')[0])).toEqual([
      'objects.yaml:4:18',
      expect.stringMatching(/^objects\.yaml:1[12]:\d+$/),
      'objects.yaml:16:18',
    ]);
  });

  it('never throws, whatever the text', () => {
    assert(
      property(string({ unit: 'binary', maxLength: 100 }), (noise) => {
        expect(read(noise).errors).toBeInstanceOf(Array);
        expect(read(`${OBJECTIVE}---\n${noise}`).errors).toBeInstanceOf(Array);
      }),
    );
  });
});
