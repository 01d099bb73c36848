// What the picker costs: npm run bench -- --help
import { parseArgs } from 'node:util';
import { errorMessage } from '../../src/lib/error-message.ts';
import type { Figure } from './harness.ts';
import { comparePickers } from './macro/compare.ts';
import { macroNames, measurePicker } from './macro/measure.ts';
import { OUR_COMMAND } from './macro/picker.ts';
import { CAN_MEASURE } from './macro/process-tree.ts';
import { profilePicker } from './profile/profile.ts';
import { figureLine } from './table.ts';

const HELP = `Usage: npm run bench -- [options]

Measures a picker process under load of ext_proc streams.

  --only PATTERN       cases whose name matches the regular expression
  --quick              a tenth of the work: shows that all of it runs, not what it costs
  --list               the names of all cases
  --profile CASE       CPU profile of that case: a table, and files for the developer tools in the current folder
  --compare 'COMMAND'  measure another picker in turn with ours, and print ratios ours:other. The shell command finds
                       CONFIG_FILE, GRPC_PORT, HEALTH_PORT and METRICS_PORT in its environment and serves cleartext
  --picker 'COMMAND'   measure this picker instead of the one of this repository, started in the same way
  --help               this text`;

const OPTIONS = {
  only: { type: 'string', default: '' },
  quick: { type: 'boolean', default: false },
  list: { type: 'boolean', default: false },
  profile: { type: 'string' },
  compare: { type: 'string' },
  picker: { type: 'string', default: OUR_COMMAND },
  help: { type: 'boolean', default: false },
} as const;

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: OPTIONS });
  const { quick, picker } = values;
  if (values.help) return say(HELP);
  if (values.list) return say(macroNames({ quick }).join('\n'));
  if (values.profile !== undefined) return profilePicker(picker, values.profile, { quick }, say);
  if (!CAN_MEASURE)
    say('CPU and memory of the picker are not measured: they are read from /proc, which only Linux has.');
  const only = new RegExp(values.only);
  const options = { quick, isWanted: (name: string) => only.test(name) };
  if (values.compare !== undefined) return comparePickers(picker, values.compare, options, say);
  await measurePicker(picker, options, (figure: Figure) => say(figureLine(figure)));
}

// `npm run bench | head`
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

await main().catch((error: unknown) => {
  process.stderr.write(`bench: ${errorMessage(error)}\n`);
  process.exitCode = 1;
});
