import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { CATALOG } from '../app/catalog.ts';
import { dryRun } from '../app/dry-run.ts';
import { type Problem, problemLine } from '../config/problems.ts';
import { diagnoseConfig } from '../config/resolve.ts';
import type { Command, CommandIo } from './command.ts';

const FLAGS = {
  format: { type: 'string' },
  json: { type: 'boolean' },
  strict: { type: 'boolean' },
  'allow-experimental-plugins': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

const FORMATS = ['text', 'json', 'github'] as const;
type Format = (typeof FORMATS)[number];

const HELP = `Usage: pointsman check [flags] FILE...

Reads EndpointPickerConfig files as a start would and tells everything that is wrong or odd about them at once, each
with file, line and column. Needs no cluster and opens no port. FILE may be - for standard input.

  --format FORMAT               text, json, or github (annotations of a workflow run); default text
  --json                        the same as --format=json
  --strict                      warnings count as errors
  --allow-experimental-plugins  accept plugins of alpha stability, as the flag of serve does
  -h, --help                    show this text

Exit codes: 0 no errors, 1 errors, 2 the command line is wrong or a file cannot be read.`;

interface Options {
  readonly files: readonly string[];
  readonly format: Format;
  readonly strict: boolean;
  readonly allowExperimental: boolean;
}

/** What was found in one file. */
interface FileReport {
  readonly file: string;
  readonly problems: readonly Problem[];
}

/** Checks configurations without running them. */
export const checkCommand: Command = {
  name: 'check',
  summary: 'Check configuration files: every error and warning at once, with its place.',
  help: HELP,
  async run(args, io) {
    let options: Options | 'help';
    try {
      options = readOptions(args);
    } catch (error) {
      io.stderr(`${(error as Error).message} (see pointsman check --help)`);
      return 2;
    }
    if (options === 'help') {
      io.stdout(HELP);
      return 0;
    }
    return check(options, io);
  },
};

async function check(options: Options, io: CommandIo): Promise<number> {
  const reports: FileReport[] = [];
  let unreadable = false;
  for (const file of options.files) {
    try {
      reports.push({ file, problems: problemsOf(await read(file), file, options) });
    } catch (error) {
      io.stderr(`${file}: cannot be read: ${(error as Error).message}`);
      unreadable = true;
    }
  }
  PRINTERS[options.format](reports, io);
  if (unreadable) return 2;
  const bad = ({ severity }: Problem): boolean => options.strict || severity === 'error';
  return reports.some(({ problems }) => problems.some(bad)) ? 1 : 0;
}

function read(file: string): Promise<string> {
  return file === '-' ? readAll(process.stdin) : readFile(file, 'utf8');
}

function problemsOf(text: string, file: string, { allowExperimental }: Options): readonly Problem[] {
  const source = file === '-' ? 'standard input' : file;
  const { config, problems } = diagnoseConfig(text, { source, catalog: CATALOG, allowExperimental });
  const refusal = config && dryRun(config);
  if (refusal === undefined) return problems;
  return [...problems, { severity: 'error', source, position: undefined, path: '', message: refusal.message }];
}

const PRINTERS: Readonly<Record<Format, (reports: readonly FileReport[], io: CommandIo) => void>> = {
  text(reports, io) {
    for (const { file, problems } of reports) {
      for (const problem of problems) io.stdout(`${problem.severity}: ${problemLine(problem)}`);
      io.stdout(`${file}: ${summary(problems)}`);
    }
  },
  json(reports, io) {
    const files = reports.map(({ file, problems }) => ({
      file,
      ...counts(problems),
      problems: problems.map(({ severity, position, path, message }) => ({ severity, ...position, path, message })),
    }));
    io.stdout(JSON.stringify({ files }, undefined, 2));
  },
  github(reports, io) {
    for (const { file, problems } of reports) {
      for (const problem of problems) io.stdout(annotation(file, problem));
    }
  },
};

/** Source: GitHub's workflow commands; `%`, line ends and, in properties, `:` and `,` are written as escapes. */
function annotation(file: string, { severity, position, path, message }: Problem): string {
  const where = position === undefined ? '' : `,line=${position.line},col=${position.column}`;
  const text = path === '' ? message : `${path}: ${message}`;
  return `::${severity} file=${escaped(file).replaceAll(':', '%3A').replaceAll(',', '%2C')}${where}::${escaped(text)}`;
}

function escaped(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function counts(problems: readonly Problem[]): { readonly errors: number; readonly warnings: number } {
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  return { errors, warnings: problems.length - errors };
}

function summary(problems: readonly Problem[]): string {
  const { errors, warnings } = counts(problems);
  return problems.length === 0 ? 'ok' : `${number(errors, 'error')}, ${number(warnings, 'warning')}`;
}

function number(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** Throws `Error` with one line about the command line. */
function readOptions(args: string[]): Options | 'help' {
  const { values, positionals } = parseArgs({ args, options: FLAGS, strict: true, allowPositionals: true });
  if (values.help === true) return 'help';
  const wanted = values.json === true ? 'json' : (values.format ?? 'text');
  const format = FORMATS.find((each) => each === wanted);
  if (format === undefined) throw new Error(`--format: "${wanted}" is none of ${FORMATS.join(', ')}`);
  if (positionals.length === 0) throw new Error('no file given');
  return {
    files: positionals,
    format,
    strict: values.strict === true,
    allowExperimental: values['allow-experimental-plugins'] === true,
  };
}
