import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type AnySchemaObject, Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from './render.ts';
import { type ConfigTools, KUBERNETES } from './tools.ts';

/** Says what is wrong with an object, a line a problem; nothing when it is right. */
export type Validator = (object: KubeObject) => string[];

interface Definition {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly {
      readonly name: string;
      readonly served: boolean;
      readonly schema: { readonly openAPIV3Schema: AnySchemaObject };
    }[];
  };
}

const BUILT_IN = 'built-in';
const OBJECT_META = `${BUILT_IN}#/$defs/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta`;

const validators = new Map<string, Validator>();
let crds: ReadonlyMap<string, AnySchemaObject> | undefined;

/** What is wrong with any of the objects under any supported Kubernetes, a line a problem. */
export function problemsOf(tools: ConfigTools, objects: readonly KubeObject[]): string[] {
  return KUBERNETES.flatMap((release) =>
    objects.flatMap((object) =>
      validatorFor(
        tools,
        release,
      )(object).map((problem) => `${release} ${object.kind} ${object.metadata.name}: ${problem}`),
    ),
  );
}

/**
 * Checks objects as an API server of that release does with `--validate=strict`: against the release's own schemas for
 * built-in kinds and the published CustomResourceDefinitions for others; unknown fields are errors, and so are kinds
 * nobody defines. What the schemas cannot say (CEL rules, ranges only the server's code knows) is not looked at.
 */
export function validatorFor(tools: ConfigTools, release: string): Validator {
  const made = validators.get(release) ?? makeValidator(tools, release);
  validators.set(release, made);
  return made;
}

function makeValidator(tools: ConfigTools, release: string): Validator {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true, inlineRefs: false });
  const file = join(tools.schemas, `v${release}.0-local-strict`, '_definitions.json');
  const builtIn = JSON.parse(readFileSync(file, 'utf8')) as { $defs: Record<string, AnySchemaObject> };
  ajv.addSchema({ ...builtIn, $id: BUILT_IN });
  crds ??= readCrds(tools);
  const published = crds;
  const compiled = new Map<string, ValidateFunction>();
  const find = ({ apiVersion, kind }: KubeObject): ValidateFunction | undefined => {
    const id = `${apiVersion} ${kind}`;
    const schema = builtInSchema(builtIn.$defs, apiVersion, kind) ?? published.get(id);
    if (schema !== undefined && !compiled.has(id)) compiled.set(id, ajv.compile(schema));
    return compiled.get(id);
  };
  return (object) => {
    const validate = find(object);
    if (validate === undefined) return [`no ${object.apiVersion} ${object.kind} in Kubernetes ${release}`];
    return validate(object) ? [] : (validate.errors ?? []).map(describeError);
  };
}

function builtInSchema(
  defs: Record<string, AnySchemaObject>,
  apiVersion: string,
  kind: string,
): AnySchemaObject | undefined {
  const [version = '', group = ''] = apiVersion.split('/').toReversed();
  for (const [name, schema] of Object.entries(defs)) {
    const kinds = (schema['x-kubernetes-group-version-kind'] ?? []) as readonly Record<string, string>[];
    if (kinds.some((each) => each['group'] === group && each['version'] === version && each['kind'] === kind)) {
      return { $ref: `${BUILT_IN}#/$defs/${name}` };
    }
  }
  return undefined;
}

/** Schemas of all published definitions by "group/version Kind". */
function readCrds(tools: ConfigTools): Map<string, AnySchemaObject> {
  const schemas = new Map<string, AnySchemaObject>();
  for (const { spec } of tools.crds.flatMap(definitionsIn)) {
    // The objectives moved to a group of their own, with the schema they had.
    const groups = spec.group === 'inference.networking.x-k8s.io' ? [spec.group, 'llm-d.ai'] : [spec.group];
    for (const group of groups) {
      for (const { name, schema } of spec.versions.filter(({ served }) => served)) {
        const root = closed(schema.openAPIV3Schema);
        Object.assign(root['properties'], { apiVersion: true, kind: true, metadata: { $ref: OBJECT_META } });
        schemas.set(`${group}/${name} ${spec.names.kind}`, root);
      }
    }
  }
  return schemas;
}

/** The CustomResourceDefinitions in a YAML file or a folder of them. */
export function definitionsIn(path: string): Definition[] {
  const files = statSync(path).isDirectory() ? readdirSync(path).map((name) => join(path, name)) : [path];
  return files.flatMap((file) =>
    parseAllDocuments(readFileSync(file, 'utf8'), { logLevel: 'silent' })
      .map((document) => document.toJS() as (Definition & { kind: string }) | null)
      .filter((object) => object?.kind === 'CustomResourceDefinition')
      .map((object) => object as Definition),
  );
}

/** A structural schema as JSON Schema that takes no unknown fields. */
function closed(schema: AnySchemaObject): AnySchemaObject {
  const made: AnySchemaObject = { ...schema };
  for (const key of ['properties', 'patternProperties'] as const) {
    if (schema[key] !== undefined) {
      made[key] = Object.fromEntries(
        Object.entries(schema[key] as Record<string, AnySchemaObject>).map(([name, inner]) => [name, closed(inner)]),
      );
    }
  }
  if (typeof schema['items'] === 'object') made['items'] = closed(schema['items'] as AnySchemaObject);
  if (typeof schema['additionalProperties'] === 'object') {
    made['additionalProperties'] = closed(schema['additionalProperties'] as AnySchemaObject);
  }
  if (schema['x-kubernetes-int-or-string'] === true) made['type'] = ['integer', 'string'];
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true || schema['additionalProperties'] !== undefined;
  if (schema['properties'] !== undefined && !open) made['additionalProperties'] = false;
  return made;
}

function describeError({ instancePath, message = '', params }: ErrorObject): string {
  const unknown = (params as { additionalProperty?: string }).additionalProperty;
  return `${instancePath === '' ? '/' : instancePath} ${unknown === undefined ? message : `unknown field "${unknown}"`}`;
}
