import { errorMessage } from '../lib/error-message.ts';
import type { GivenFlag } from './flag-parser.ts';
import {
  type LogLevel,
  readBoolean,
  readDurationMs,
  readInteger,
  readIntegers,
  readList,
  readLogLevel,
} from './flag-values.ts';
import { type Flag, FLAGS, type FlagName, type FlagType } from './flags.ts';

type NameOf<T extends FlagType> = Extract<(typeof FLAGS)[number], { readonly type: T }>['name'];

const READERS: { readonly [T in FlagType]: (text: string) => unknown } = {
  string: (text) => text,
  strings: readList,
  int: readInteger,
  ints: readIntegers,
  bool: readBoolean,
  duration: readDurationMs,
  // Left as text: the reference reads sizes after all flags are parsed, with another exit code.
  bytes: (text) => text,
  verbosity: readLogLevel,
};

/** The flags of one command line, by name, with defaults for those not given. Of a repeated flag the last counts. */
export class FlagSet {
  readonly #texts = new Map<string, string[]>();

  /** Reads every value once, so that later access cannot fail. Throws `Error` in pflag's words for a bad one. */
  constructor(given: readonly GivenFlag[]) {
    const flags = new Map<string, Flag>(FLAGS.map((flag) => [flag.name, flag]));
    for (const { name, text } of given) {
      const flag = flags.get(name);
      if (flag === undefined) throw new Error(`unknown flag: ${dashed(name)}`);
      checkText(flag, text);
      this.#texts.set(name, [...(this.#texts.get(name) ?? []), text]);
    }
  }

  isGiven(name: FlagName): boolean {
    return this.#texts.has(name);
  }

  /** The text as given, or the default's. */
  text(name: FlagName): string {
    return this.#texts.get(name)?.at(-1) ?? FLAGS.find((flag) => flag.name === name)?.fallback ?? '';
  }

  int(name: NameOf<'int'>): number {
    return readInteger(this.text(name));
  }

  bool(name: NameOf<'bool'>): boolean {
    return readBoolean(this.text(name));
  }

  durationMs(name: NameOf<'duration'>): number {
    return readDurationMs(this.text(name));
  }

  /** A repeated list flag grows the list, as in pflag. */
  ints(name: NameOf<'ints'>): number[] {
    return (this.#texts.get(name) ?? []).flatMap(readIntegers);
  }

  /** A repeated list flag grows the list, as in pflag. */
  list(name: NameOf<'strings'>): string[] {
    return (this.#texts.get(name) ?? []).flatMap(readList);
  }

  level(name: NameOf<'verbosity'>): LogLevel | undefined {
    return readLogLevel(this.text(name));
  }
}

/** A flag as it is written on the command line. */
export function dashed(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}

function checkText({ name, type, oneOf }: Flag, text: string): void {
  try {
    READERS[type](text);
    if (oneOf?.includes(text) === false) throw new Error(`write ${oneOf.filter((word) => word !== '').join(', ')}`);
  } catch (error) {
    const reason = errorMessage(error);
    throw new Error(`invalid argument ${JSON.stringify(text)} for "${dashed(name)}" flag: ${reason}`, { cause: error });
  }
}
