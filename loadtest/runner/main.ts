import { join } from 'node:path';
import { HELP, readArguments } from './arguments.ts';
import { runScript } from './run-script.ts';

const RESULTS = join(import.meta.dirname, '..', 'results');
const STOPPED = 130;

async function main(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const plan = readArguments(argv, RESULTS);
  if (plan.kind === 'help') {
    say(HELP);
    return 0;
  }
  if (plan.kind === 'error') {
    process.stderr.write(`${plan.message} (see npm run loadtest -- --help)\n`);
    return 2;
  }
  const failed: string[] = [];
  for (const script of plan.scripts) {
    try {
      const { passed } = await runScript(script, plan.options, { report: say, quiet: false, signal });
      if (!passed) failed.push(script);
      if (signal.aborted) return STOPPED;
    } catch (error) {
      if (signal.aborted) return STOPPED;
      process.stderr.write(`${script}: ${error instanceof Error ? error.message : String(error)}\n`);
      failed.push(script);
    }
  }
  if (plan.scripts.length > 1) say(failed.length === 0 ? 'all passed' : `FAILED: ${failed.join(', ')}`);
  return failed.length === 0 ? 0 : 1;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** The first signal ends the run in order, with the table of what was measured; the second ends it at once. */
const controller = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => (controller.signal.aborted ? process.exit(STOPPED) : controller.abort()));
}
process.exitCode = await main(process.argv.slice(2), controller.signal);
