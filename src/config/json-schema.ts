import { type JsonSchema, toJsonSchema } from '@valibot/to-json-schema';
import { type GenericSchema, getDescription } from 'valibot';
import type { PluginDefinition } from '../core/plugin.ts';
import { fieldsOf, itemSchemaOf, wrappedBy } from './decode.ts';
import { ALIASES } from './known-types.ts';
import type { Catalog } from './resolved.ts';
import { ENVELOPE } from './schema.ts';

/** One parameter of a plugin, as it is documented. */
export interface ParameterDoc {
  /** With its parents: `engineConfigs[].name`. */
  readonly name: string;
  /** In words: `number`, `"a" or "b"`, `list of text`. */
  readonly type: string;
  /** As it would be written; undefined where there is none. */
  readonly fallback: string | undefined;
  readonly required: boolean;
  readonly description: string;
}

/**
 * JSON Schema (draft 7) of an `EndpointPickerConfig` with the parameters of every plugin of the catalog, for editors.
 * It is as strict as the loader is about keys and types; what the loader finds by looking at several fields is not in it.
 */
export function configJsonSchema(catalog: Catalog): JsonSchema {
  const schema = schemaOf(ENVELOPE);
  const plugins = schema.properties?.plugins;
  const plugin = typeof plugins === 'object' && !Array.isArray(plugins.items) ? plugins.items : undefined;
  if (typeof plugin !== 'object') throw new Error('the schema of a configuration has no plugins');
  const types = [...catalog.keys(), ...[...ALIASES.keys()].filter((alias) => !catalog.has(alias))].sort();
  plugin.required = ['type'];
  plugin.properties = { ...plugin.properties, type: { enum: types }, parameters: { type: ['object', 'null'] } };
  plugin.allOf = types.flatMap((type) => {
    const definition = catalog.get(type) ?? catalog.get(ALIASES.get(type) ?? '');
    return definition === undefined ? [] : [whereType(type, definition)];
  });
  return { ...schema, title: 'EndpointPickerConfig' };
}

/** The parameters of a plugin, in the order of its schema; those inside others follow them. */
export function parameterDocs({ config }: PluginDefinition): readonly ParameterDoc[] {
  return documentFields(schemaOf(config), '');
}

function whereType(type: string, definition: PluginDefinition): JsonSchema {
  const { $schema: _, ...parameters } = schemaOf(definition.config);
  const takesNone = Object.keys(parameters.properties ?? {}).length === 0;
  return {
    if: { properties: { type: { const: type } } },
    // The loader ignores the parameters of a type that has none.
    // oxlint-disable-next-line unicorn/no-thenable -- JSON Schema's word; nobody awaits it
    then: {
      description: definition.summary,
      properties: { parameters: takesNone ? {} : { ...parameters, type: ['object', 'null'] } },
    },
  };
}

/** What goes in, before defaults and conversions. A check in code has no JSON Schema and is left out. */
function schemaOf(schema: GenericSchema): JsonSchema {
  return finish(toJsonSchema(schema, { target: 'draft-07', typeMode: 'input', errorMode: 'ignore' }), schema);
}

/**
 * Closes maps, since the loader refuses unknown keys wherever it knows the keys, and puts back descriptions that stand
 * behind a conversion, where the input's schema does not reach.
 */
function finish(json: JsonSchema, schema: GenericSchema): JsonSchema {
  const description = descriptionOf(schema);
  const fields = fieldsOf(schema);
  const item = itemSchemaOf(schema);
  const part = (of: JsonSchema | boolean, by: GenericSchema): JsonSchema | boolean =>
    typeof of === 'boolean' ? of : finish(of, by);
  return {
    ...json,
    ...(description !== undefined && { description }),
    ...(fields !== undefined && {
      properties: Object.fromEntries(
        Object.entries(json.properties ?? {}).map(([key, of]) => [key, part(of, fields[key])]),
      ),
      additionalProperties: false,
    }),
    ...(item !== undefined &&
      json.items !== undefined &&
      !Array.isArray(json.items) && { items: part(json.items, item) }),
  };
}

function descriptionOf(schema: GenericSchema): string | undefined {
  const wrapped = wrappedBy(schema);
  return getDescription(schema) ?? (wrapped && descriptionOf(wrapped));
}

function documentFields(schema: JsonSchema, prefix: string): ParameterDoc[] {
  const required = new Set(schema.required);
  return Object.entries(schema.properties ?? {}).flatMap(([key, field]) => {
    if (typeof field === 'boolean') return [];
    const name = `${prefix}${key}`;
    const doc: ParameterDoc = {
      name,
      type: typeInWords(field),
      fallback: field.default === undefined ? undefined : JSON.stringify(field.default),
      required: required.has(key) && field.default === undefined,
      description: field.description ?? '',
    };
    const item = itemOf(field);
    if (item !== undefined) return [doc, ...documentFields(item, `${name}[].`)];
    return [doc, ...documentFields(field, `${name}.`)];
  });
}

function itemOf({ items }: JsonSchema): JsonSchema | undefined {
  return typeof items === 'object' && !Array.isArray(items) ? items : undefined;
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'whole number',
  number: 'number',
  boolean: 'true or false',
  object: 'map',
  array: 'list',
};

function typeInWords(schema: JsonSchema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(' or ');
  const choices = (schema.anyOf ?? schema.oneOf)?.flatMap((each) =>
    typeof each === 'boolean' ? [] : [typeInWords(each)],
  );
  if (choices !== undefined) return [...new Set(choices)].join(' or ');
  const item = itemOf(schema);
  if (item !== undefined) return `list of ${typeInWords(item)}`;
  return typeof schema.type === 'string' ? (TYPE_WORDS[schema.type] ?? schema.type) : 'anything';
}
