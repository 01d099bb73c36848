import { ConfigError } from '../core/errors.ts';
import type { Path, SourceDocument } from './document.ts';

/** One slip early in a text can make an error of every line after it; nobody reads further than this. */
const MAX_LINES = 50;

/** What is wrong with a configuration, one line each: `<source>:<line>:<column>: <path>: <what and what instead>`. */
export class ConfigErrors extends ConfigError {
  /** At most 51: the first 50 and how many more there are. */
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    const more = lines.length - MAX_LINES;
    const shown = more > 0 ? [...lines.slice(0, MAX_LINES), `and ${more} more`] : lines;
    super(shown.join('\n'));
    this.lines = shown;
  }
}

/** Gathers what is wrong and what is odd, each with its place, so that one run tells all of it. */
export class Problems {
  readonly errors: string[] = [];
  readonly warnings: string[] = [];
  readonly #source: string;
  readonly #document: SourceDocument | undefined;

  /** `source` names the text: a file, or the flag it came by. */
  constructor(source: string, document?: SourceDocument) {
    this.#source = source;
    this.#document = document;
  }

  /** Something that must be corrected. `part` says whether the key or its value is to blame. */
  error(path: Path, message: string, part: 'key' | 'value' = 'value'): void {
    this.errors.push(this.#line(path, message, part));
  }

  /** Something that works but hardly as meant. */
  warn(path: Path, message: string, part: 'key' | 'value' = 'value'): void {
    this.warnings.push(this.#line(path, message, part));
  }

  /** Throws `ConfigErrors` when anything was an error. */
  throwIfAny(): void {
    if (this.errors.length > 0) throw new ConfigErrors(this.errors);
  }

  #line(path: Path, message: string, part: 'key' | 'value'): string {
    const at = this.#document?.position(path, part);
    const place = at === undefined ? this.#source : `${this.#source}:${at.line}:${at.column}`;
    return path.length === 0 ? `${place}: ${message}` : `${place}: ${showPath(path)}: ${message}`;
  }
}

/** `plugins[3].parameters.maxNumOfEndpoints` */
export function showPath(path: Path): string {
  return path
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : `${index === 0 ? '' : '.'}${showKey(step)}`))
    .join('');
}

/** A value as it fits in a one-line message. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a map';
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 60 ? `${text.slice(0, 57)}..."` : text;
}

function showKey(key: string): string {
  return /^[\w./-]{1,80}$/.test(key) ? key : show(key);
}
