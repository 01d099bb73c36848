const TAB = 0x09;
const CR = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/** Numbers of `spans` per label: where its name and its value start and end. */
const SPAN = 4;

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/**
 * A number as the exposition formats write it, `NaN` and infinities in any case included. Undefined when it is not one;
 * `Number` alone would take an empty text for 0.
 */
export function parseNumber(text: string): number | undefined {
  if (DECIMAL.test(text)) return Number(text);
  switch (text.toLowerCase()) {
    case 'nan':
    case '+nan':
    case '-nan':
      return Number.NaN;
    case 'inf':
    case '+inf':
    case 'infinity':
    case '+infinity':
      return Number.POSITIVE_INFINITY;
    case '-inf':
    case '-infinity':
      return Number.NEGATIVE_INFINITY;
    default:
      return undefined;
  }
}

/**
 * The value of a line that ends in its labels and its value, without a look at the labels; `NaN` for any other line.
 * `end` is where the line ends.
 */
export function valueAtEnd(page: Buffer, start: number, end: number): number {
  const stop = page[end - 1] === CR ? end - 1 : end;
  let at = stop;
  while (at > start && !isBlank(page[at - 1])) at--;
  let before = at;
  while (before > start && isBlank(page[before - 1])) before--;
  if (before === at || page[before - 1] !== CLOSE) return Number.NaN;
  return parseNumber(page.toString('latin1', at, stop)) ?? Number.NaN;
}

export function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}

/**
 * One sample line, read in place: label texts are made only for the labels somebody asks for. A cursor that moves from
 * line to line, so nothing of it may be kept.
 */
export class Sample {
  value = Number.NaN;
  /** What was read last: `read(start, end)` reads it again. */
  start = 0;
  end = 0;
  readonly #page: Buffer;
  readonly #spans: number[] = [];
  #labels = 0;
  #quotedName: string | undefined;
  /** Where the value ends, and the line without its carriage return. */
  #valueEnd = 0;
  #stop = 0;

  constructor(page: Buffer) {
    this.#page = page;
  }

  /** The metric's name when it stands quoted among the labels, as format 1.0.0 allows. */
  get quotedName(): string | undefined {
    return this.#quotedName;
  }

  /** Reads what follows the name in the line that ends at `end`. False when it is not a sample. */
  read(start: number, end: number): boolean {
    const page = this.#page;
    const stop = end > start && page[end - 1] === CR ? end - 1 : end;
    this.start = start;
    this.end = end;
    this.#labels = 0;
    this.#quotedName = undefined;
    let at = this.#skipBlanks(start, stop);
    if (at < stop && page[at] === OPEN) at = this.#readLabels(at + 1, stop);
    if (at === -1) return false;
    at = this.#skipBlanks(at, stop);
    // A timestamp or an exemplar may follow the value.
    let valueEnd = at;
    while (valueEnd < stop && !isBlank(page[valueEnd])) valueEnd++;
    const value = parseNumber(page.toString('latin1', at, valueEnd));
    if (value === undefined) return false;
    this.value = value;
    this.#valueEnd = valueEnd;
    this.#stop = stop;
    return true;
  }

  /** When the value was taken, in the page's own unit; before everything where the line does not tell, as is usual. */
  get timestamp(): number {
    const start = this.#skipBlanks(this.#valueEnd, this.#stop);
    if (start >= this.#stop) return Number.NEGATIVE_INFINITY;
    let end = start;
    while (end < this.#stop && !isBlank(this.#page[end])) end++;
    const time = parseNumber(this.#page.toString('latin1', start, end)) ?? Number.NaN;
    return Number.isNaN(time) ? Number.NEGATIVE_INFINITY : time;
  }

  /** A label's value; empty when the label is absent, which Prometheus takes for the same thing. ASCII names only. */
  label(name: string): string {
    const spans = this.#spans;
    for (let i = 0; i < this.#labels * SPAN; i += SPAN) {
      if (this.#isText(name, spans[i], spans[i + 1])) return this.#unescaped(spans[i + 2], spans[i + 3]);
    }
    return '';
  }

  /** Returns the place after the closing brace, or -1 when the labels are malformed. */
  #readLabels(start: number, stop: number): number {
    const page = this.#page;
    let at = start;
    for (;;) {
      at = this.#skipBlanks(at, stop);
      if (at < stop && page[at] === CLOSE) return at + 1;
      at = this.#skipBlanks(this.#readLabel(at, stop), stop);
      if (at === -1 || at >= stop) return -1;
      if (page[at] === COMMA) at++;
      else if (page[at] !== CLOSE) return -1;
    }
  }

  /** Reads `name="value"`, or a quoted text alone: the metric's name. Returns the place after it, or -1. */
  #readLabel(start: number, stop: number): number {
    const page = this.#page;
    const quoted = page[start] === QUOTE;
    const nameStart = quoted ? start + 1 : start;
    const nameEnd = quoted ? this.#closingQuote(nameStart, stop) : this.#bareNameEnd(nameStart, stop);
    if (nameEnd === -1) return -1;
    let at = this.#skipBlanks(quoted ? nameEnd + 1 : nameEnd, stop);
    if (page[at] !== EQUALS) {
      if (!quoted || this.#quotedName !== undefined) return -1;
      this.#quotedName = this.#unescaped(nameStart, nameEnd);
      return at;
    }
    at = this.#skipBlanks(at + 1, stop);
    if (at >= stop || page[at] !== QUOTE) return -1;
    const valueEnd = this.#closingQuote(at + 1, stop);
    if (valueEnd === -1) return -1;
    const span = this.#labels++ * SPAN;
    this.#spans[span] = nameStart;
    this.#spans[span + 1] = nameEnd;
    this.#spans[span + 2] = at + 1;
    this.#spans[span + 3] = valueEnd;
    return valueEnd + 1;
  }

  #bareNameEnd(start: number, stop: number): number {
    const page = this.#page;
    let at = start;
    while (at < stop && page[at] !== EQUALS && !isBlank(page[at])) {
      if (page[at] === COMMA || page[at] === CLOSE || page[at] === QUOTE || page[at] === OPEN) return -1;
      at++;
    }
    return at === start || at >= stop ? -1 : at;
  }

  #closingQuote(start: number, stop: number): number {
    const page = this.#page;
    for (let at = start; at < stop; at++) {
      if (page[at] === QUOTE) return at;
      if (page[at] === BACKSLASH) at++;
    }
    return -1;
  }

  #skipBlanks(start: number, stop: number): number {
    let at = start;
    while (at >= 0 && at < stop && isBlank(this.#page[at])) at++;
    return at;
  }

  #isText(text: string, start: number, end: number): boolean {
    if (end - start !== text.length) return false;
    for (let i = 0; i < text.length; i++) if (this.#page[start + i] !== text.charCodeAt(i)) return false;
    return true;
  }

  #unescaped(start: number, end: number): string {
    const text = this.#page.toString('utf8', start, end);
    if (!text.includes('\\')) return text;
    return text.replaceAll(/\\([n"\\])/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
  }
}
