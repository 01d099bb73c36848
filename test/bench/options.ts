import { parseArgs } from 'node:util';
import { OUR_COMMAND } from './macro/picker.ts';

export const HELP = `Usage: npm run bench -- [options]

Measures parts of the picker in this process (micro) and a picker process under load of ext_proc streams (macro), and
prints ratios to the stored baseline. A ratio below 1 is an improvement, but for requests per second.

  --only PATTERN       cases whose name matches the regular expression
  --quick              a tenth of the work: shows that all of it runs, not what it costs
  --list               the names of all cases
  --save               stores what was measured as the baseline, and its tables in test/bench/README.md
  --profile CASE       CPU profile of one case: a table, and files for the developer tools in the current folder
  --compare 'COMMAND'  measure another picker in turn with ours (macro only), and print ratios ours:other. The shell
                       command finds CONFIG_FILE, GRPC_PORT, HEALTH_PORT and METRICS_PORT in its environment and
                       serves cleartext
  --picker 'COMMAND'   measure this picker instead of the one of this repository, started in the same way
  --help               this text`;

const OPTIONS = {
  only: { type: 'string', default: '' },
  quick: { type: 'boolean', default: false },
  list: { type: 'boolean', default: false },
  save: { type: 'boolean', default: false },
  profile: { type: 'string' },
  compare: { type: 'string' },
  picker: { type: 'string', default: OUR_COMMAND },
  help: { type: 'boolean', default: false },
} as const;

export type Options = ReturnType<typeof readOptions>;

/** Reads the command line; throws on what it does not know. */
export function readOptions(args: readonly string[]) {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  if (values.save && values.quick) throw new Error('--save keeps what was measured; leave --quick out');
  return values;
}
