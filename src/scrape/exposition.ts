import { isBlank, Sample } from './sample.ts';

const TAB = 0x09;
const LF = 0x0a;
const SPACE = 0x20;
const HASH = 0x23;
const OPEN = 0x7b;
const END_OF_PAGE = Buffer.from('# EOF');

interface WantedName {
  readonly bytes: Buffer;
  readonly index: number;
}

/** Wanted names that begin with one byte and are equally long: one look tells whether a line's name is so long. */
interface SameLength {
  readonly length: number;
  readonly names: WantedName[];
}

/** The names a scan looks for, arranged so that a line of another name costs a look at its first byte and a few more. */
export interface NameIndex {
  readonly byFirstByte: readonly (readonly SameLength[] | undefined)[];
  readonly byText: ReadonlyMap<string, number>;
}

/** Told of every well-formed sample with a wanted name; `name` is its place in the list of wanted names. */
export type Visit = (name: number, sample: Sample) => void;

/** Shown a line with a wanted name before it is read, from after the name to its end; true when that was enough. */
export type Glance = (name: number, page: Buffer, start: number, end: number) => boolean;

/**
 * Arranges whole sample names (never prefixes) for `scanPage`. A name with a colon is also found with an underscore in
 * its place: Python's client writes `vllm_num_requests_waiting` when it is asked for OpenMetrics.
 */
export function indexNames(names: readonly string[]): NameIndex {
  const byFirstByte: (SameLength[] | undefined)[] = Array.from({ length: 256 });
  const byText = new Map<string, number>();
  for (const [index, name] of names.entries()) {
    for (const spelling of new Set([name, name.replaceAll(':', '_')])) {
      if (byText.has(spelling)) continue;
      byText.set(spelling, index);
      const bytes = Buffer.from(spelling);
      const groups = (byFirstByte[bytes[0]] ??= []);
      const group = groups.find(({ length }) => length === bytes.length);
      if (group === undefined) groups.push({ length: bytes.length, names: [{ bytes, index }] });
      else group.names.push({ bytes, index });
    }
  }
  return { byFirstByte, byText };
}

/**
 * Reads the wanted samples of a page in Prometheus text (0.0.4, 1.0.0) or OpenMetrics. TYPE and HELP lines are not
 * looked at, so an untyped sample is as good as a gauge. A malformed line is left out, as is a last line without its
 * newline, which may be cut short. Never throws.
 *
 * One pass from newline to newline is faster than one search per name: a name that is absent, or stands at the end,
 * costs a search of the whole page (`npm run bench -- --only exposition`).
 */
export function scanPage(bytes: Uint8Array, names: NameIndex, visit: Visit, glance: Glance = lookAtAll): void {
  // Buffer's indexOf of one byte is native code; the one of a plain Uint8Array is twice as slow.
  const page = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const sample = new Sample(page);
  let end = -1;
  for (;;) {
    let start = end + 1;
    end = page.indexOf(LF, start);
    if (end === -1) return;
    while (start < end && isBlank(page[start])) start++;
    const first = page[start];
    const candidates = names.byFirstByte[first];
    if (candidates !== undefined) {
      const found = findName(page, start, candidates);
      if (found === undefined) continue;
      const after = start + found.bytes.length;
      if (!glance(found.index, page, after, end) && sample.read(after, end)) visit(found.index, sample);
    } else if (first === HASH) {
      if (isEndOfPage(page, start, end)) return;
    } else if (first === OPEN && sample.read(start, end)) {
      visitQuoted(sample, names, visit);
    }
  }
}

function visitQuoted(sample: Sample, names: NameIndex, visit: Visit): void {
  const index = names.byText.get(sample.quotedName ?? '');
  if (index !== undefined) visit(index, sample);
}

function lookAtAll(): boolean {
  return false;
}

function findName(page: Buffer, start: number, groups: readonly SameLength[]): WantedName | undefined {
  for (let g = 0; g < groups.length; g++) {
    const { length, names } = groups[g];
    const after = page[start + length];
    if (after !== OPEN && after !== SPACE && after !== TAB) continue;
    for (let n = 0; n < names.length; n++) if (standsAt(page, start, names[n].bytes)) return names[n];
  }
  return undefined;
}

function standsAt(page: Buffer, start: number, name: Buffer): boolean {
  // Wanted names begin alike (`vllm:num_requests_…`) and differ at their ends.
  for (let i = name.length - 1; i >= 0; i--) if (page[start + i] !== name[i]) return false;
  return true;
}

function isEndOfPage(page: Buffer, start: number, end: number): boolean {
  const length = END_OF_PAGE.length;
  if (end - start < length || end - start > length + 1 || page[start + 2] !== END_OF_PAGE[2]) return false;
  return page.toString('latin1', start, end).trimEnd() === '# EOF';
}
