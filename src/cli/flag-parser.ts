import { didYouMean } from '../lib/nearest.ts';

/** What the parser must know of a flag. */
export interface FlagShape {
  readonly name: string;
  /** Whether it stands for `=true` when it has no `=`; such a flag never takes the next argument. */
  readonly isSwitch: boolean;
}

/** One flag as the command line gave it. */
export interface GivenFlag {
  readonly name: string;
  readonly text: string;
}

export type ParsedArguments =
  | { readonly kind: 'ok'; readonly given: readonly GivenFlag[]; readonly rest: readonly string[] }
  | { readonly kind: 'help' }
  | { readonly kind: 'error'; readonly message: string };

type Step = 'help' | { readonly error: string } | { readonly given: GivenFlag; readonly usedNext: boolean };

/**
 * Splits a command line as spf13/pflag does, which is neither getopt's dialect nor that of `node:util`: `--flag=value`,
 * `--flag value`, switches only as `--flag` or `--flag=value`, one-letter flags also as `-v4`, `-v 4` and `-v=4`, and
 * `--` ends the flags. Flags keep their order, and other arguments may stand between them.
 */
export function parseArguments(args: readonly string[], flags: readonly FlagShape[]): ParsedArguments {
  const byName = new Map(flags.map((flag) => [flag.name, flag]));
  const given: GivenFlag[] = [];
  const rest: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const argument = args[at];
    if (argument === '--') {
      rest.push(...args.slice(at + 1));
      break;
    }
    if (!argument.startsWith('-') || argument === '-') {
      rest.push(argument);
      continue;
    }
    const next = args[at + 1];
    const step = argument.startsWith('--') ? longFlag(argument, next, byName) : shortFlag(argument, next, byName);
    if (step === 'help') return { kind: 'help' };
    if ('error' in step) return { kind: 'error', message: step.error };
    given.push(step.given);
    if (step.usedNext) at++;
  }
  return { kind: 'ok', given, rest };
}

function longFlag(argument: string, next: string | undefined, byName: ReadonlyMap<string, FlagShape>): Step {
  const [, name = '', value] = /^--([^=]*)(?:=([^]*))?$/.exec(argument) ?? [];
  if (name === '' || name.startsWith('-')) return { error: `bad flag syntax: ${argument}` };
  const flag = byName.get(name);
  if (flag === undefined) {
    if (name === 'help') return 'help';
    return { error: `unknown flag: --${name}${didYouMean(name, longNames(byName))}` };
  }
  return withValue(flag, value, next, `--${name}`);
}

function shortFlag(argument: string, next: string | undefined, byName: ReadonlyMap<string, FlagShape>): Step {
  const letter = argument[1];
  const flag = byName.get(letter);
  if (flag === undefined) {
    if (argument === '-h') return 'help';
    const name = argument.slice(1).split('=', 1)[0];
    const hint = byName.has(name) ? ` (did you mean "--${name}"?)` : '';
    return { error: `unknown shorthand flag: '${letter}' in ${argument}${hint}` };
  }
  const attached = argument.slice(2);
  const value = attached.startsWith('=') ? attached.slice(1) : attached;
  return withValue(flag, attached === '' ? undefined : value, next, `-${letter}`);
}

function withValue(flag: FlagShape, value: string | undefined, next: string | undefined, shown: string): Step {
  const { name } = flag;
  if (value !== undefined) return { given: { name, text: value }, usedNext: false };
  if (flag.isSwitch) return { given: { name, text: 'true' }, usedNext: false };
  if (next === undefined) return { error: `flag needs an argument: ${shown}` };
  return { given: { name, text: next }, usedNext: true };
}

function longNames(byName: ReadonlyMap<string, FlagShape>): string[] {
  return [...byName.keys()].filter((name) => name.length > 1);
}
