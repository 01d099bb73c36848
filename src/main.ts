#!/usr/bin/env node
import { COMMANDS, overview } from './cli/commands.ts';
import { VERSION } from './app/version.ts';

/** Exit code of a process that a second signal cut short. */
const IMPATIENT = 1;

const write = (stream: NodeJS.WriteStream) => (line: string) => {
  stream.write(`${line}\n`);
};

async function main(argv: readonly string[]): Promise<number> {
  const stdout = write(process.stdout);
  const stderr = write(process.stderr);
  const [first = ''] = argv;
  if (first === '--version' || first === 'version') {
    stdout(VERSION);
    return 0;
  }
  if (argv.length === 0 || first === 'help' || (first === '--help' && argv.length === 1)) {
    stdout(overview());
    return 0;
  }
  // Container arguments written for the Go EPP start with a flag: they mean `serve`.
  const named = COMMANDS.find(({ name }) => name === first);
  const command = named ?? (first.startsWith('-') ? COMMANDS[0] : undefined);
  if (command === undefined) {
    stderr(`pointsman: unknown command "${first}"; there is ${COMMANDS.map(({ name }) => name).join(', ')}`);
    return 2;
  }
  return command.run(argv.slice(named === undefined ? 0 : 1), { stdout, stderr, signal: stopSignal() });
}

/** Aborted by the first SIGINT or SIGTERM; the second ends the process at once. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(IMPATIENT);
    controller.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return controller.signal;
}

// `demo | head`: whoever read our lines has gone; so do we, without a stack.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : IMPATIENT));

process.exitCode = await main(process.argv.slice(2));
