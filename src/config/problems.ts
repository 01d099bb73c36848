import { ConfigError } from '../core/errors.ts';
import type { Path, Position, SourceDocument } from './document.ts';

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

/** One thing that is wrong, or odd, with a text. */
export interface Problem {
  readonly severity: 'error' | 'warning';
  /** What the text is called. */
  readonly source: string;
  /** Undefined where there is no text to point into. */
  readonly position: Position | undefined;
  /** The field, as in `plugins[3].parameters.weight`; empty for the whole text. */
  readonly path: string;
  /** What was found and what would be right. */
  readonly message: string;
}

/** `<source>:<line>:<column>: <path>: <message>` */
export function problemLine({ source, position, path, message }: Problem): string {
  const place = position === undefined ? source : `${source}:${position.line}:${position.column}`;
  return path === '' ? `${place}: ${message}` : `${place}: ${path}: ${message}`;
}

/** Gathers what is wrong and what is odd, each with its place, so that one run tells all of it. */
export class Problems {
  /** All of it, in the order it was found. */
  readonly found: Problem[] = [];
  /** The lines of the errors, and of the warnings. */
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
    this.#add('error', path, message, part);
  }

  /** Something that works but hardly as meant. */
  warn(path: Path, message: string, part: 'key' | 'value' = 'value'): void {
    this.#add('warning', path, message, part);
  }

  #add(severity: Problem['severity'], path: Path, message: string, part: 'key' | 'value'): void {
    const position = this.#document?.position(path, part);
    const problem: Problem = { severity, source: this.#source, position, path: showPath(path), message };
    this.found.push(problem);
    (severity === 'error' ? this.errors : this.warnings).push(problemLine(problem));
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
