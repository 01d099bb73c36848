import { checkCommand } from './check.ts';
import type { Command } from './command.ts';
import { demoCommand } from './demo.ts';
import { doctorCommand } from './doctor.ts';
import { pluginsCommand } from './plugins.ts';
import { schemaCommand } from './schema.ts';
import { serveCommand } from './serve.ts';
import { simulateCommand } from './simulate.ts';

/** Every command; the first is the default. */
export const COMMANDS: readonly Command[] = [
  serveCommand,
  checkCommand,
  pluginsCommand,
  schemaCommand,
  doctorCommand,
  demoCommand,
  simulateCommand,
];

/** What `pointsman --help` prints. */
export function overview(): string {
  const width = Math.max(...COMMANDS.map(({ name }) => name.length));
  const lines = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    'Pointsman, an inference endpoint picker for Envoy and Istio.',
    '',
    'Usage: pointsman COMMAND [flags]',
    '',
    ...lines,
    '',
    'pointsman COMMAND --help tells the flags of a command.',
  ].join('\n');
}
