import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { CATALOG } from '../../src/app/catalog.ts';
import { BUILT_IN_CONFIG } from '../../src/config/built-in.ts';
import { configJsonSchema, parameterDocs } from '../../src/config/json-schema.ts';

const ROOT = join(import.meta.dirname, '../..');
const validate = new Ajv({ allErrors: true, strict: false }).compile(configJsonSchema(CATALOG));

const problemsOf = (text: string): string[] => {
  validate(parse(text));
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
};

describe('the JSON Schema of a configuration', () => {
  it.each([
    ['the built-in one', BUILT_IN_CONFIG],
    ['the sample', readFileSync(join(ROOT, 'config/samples/picker.yaml'), 'utf8')],
    ['parameters that are null', 'plugins: [{type: max-score-picker, parameters: null}]'],
    ['parameters of a type that takes none', 'plugins: [{type: single-profile-handler, parameters: {scorer: x}}]'],
    ['quantities and durations', 'flowControl: {maxBytes: 10Gi, maxRequests: 1, defaultRequestTTL: 60s}'],
  ])('takes %s', (_what, text) => {
    expect(problemsOf(text)).toEqual([]);
  });

  it.each([
    ['plugns: []', ' must NOT have additional properties'],
    ['plugins: [{type: queue-scorr}]', '/plugins/0/type must be equal to one of the allowed values'],
    ['plugins: [{name: x}]', "/plugins/0 must have required property 'type'"],
    [
      'plugins: [{type: max-score-picker, parameters: {maxNumOfEndpoints: many}}]',
      '/plugins/0/parameters/maxNumOfEndpoints must be integer',
    ],
    [
      'plugins: [{type: max-score-picker, parameters: {top: 1}}]',
      '/plugins/0/parameters must NOT have additional properties',
    ],
    [
      'schedulingProfiles: [{name: a, plugins: [{weight: heavy}]}]',
      '/schedulingProfiles/0/plugins/0/weight must be number',
    ],
  ])('refuses %s', (text, problem) => {
    expect(problemsOf(text)).toContain(problem);
  });
});

describe('the documentation of plugins', () => {
  it.each([...CATALOG.values()])('$type has a summary and describes every parameter', (definition) => {
    expect(definition.summary).toMatch(/^[A-Z].*\.$/);
    const docs = parameterDocs(definition);
    // A group of parameters speaks through its members.
    const isGroup = (name: string): boolean => docs.some((other) => other.name.startsWith(`${name}.`));
    const silent = docs.filter(({ name, description }) => description === '' && !isGroup(name));
    expect(silent.map(({ name }) => name)).toEqual([]);
  });
});
