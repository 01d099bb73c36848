import { CATALOG } from '../app/catalog.ts';
import { configJsonSchema } from '../config/json-schema.ts';
import type { Command } from './command.ts';

const HELP = `Usage: pointsman schema

Prints the JSON Schema (draft 7) of an EndpointPickerConfig with the parameters of every plugin. An editor with a YAML
language server completes and checks a configuration that begins with

  # yaml-language-server: $schema=endpointpickerconfig.schema.json`;

/** Prints what editors need. */
export const schemaCommand: Command = {
  name: 'schema',
  summary: 'Print the JSON Schema of the configuration, for editors.',
  help: HELP,
  run(args, io) {
    if (args.includes('--help') || args.includes('-h')) io.stdout(HELP);
    else if (args.length > 0) {
      io.stderr(`unexpected ${args[0]} (see pointsman schema --help)`);
      return Promise.resolve(2);
    } else io.stdout(JSON.stringify(configJsonSchema(CATALOG), undefined, 2));
    return Promise.resolve(0);
  },
};
