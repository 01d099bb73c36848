import { isBlank, Sample } from './sample.ts';

const LF = 0x0a;
const HASH = 0x23;
const OPEN = 0x7b;
const END_OF_PAGE = Buffer.from('# EOF');

interface WantedName {
  readonly bytes: Buffer;
  readonly index: number;
}

/** The names a scan looks for, arranged so that a line of another name costs one look at its first byte. */
export interface NameIndex {
  readonly byFirstByte: readonly (readonly WantedName[] | undefined)[];
  readonly byText: ReadonlyMap<string, number>;
}

/** Told of every well-formed sample with a wanted name; `name` is its place in the list of wanted names. */
export type Visit = (name: number, sample: Sample) => void;

/**
 * Arranges whole sample names (never prefixes) for `scanPage`. A name with a colon is also found with an underscore in
 * its place: Python's client writes `vllm_num_requests_waiting` when it is asked for OpenMetrics.
 */
export function indexNames(names: readonly string[]): NameIndex {
  const byFirstByte: (WantedName[] | undefined)[] = Array.from({ length: 256 });
  const byText = new Map<string, number>();
  for (const [index, name] of names.entries()) {
    for (const spelling of new Set([name, name.replaceAll(':', '_')])) {
      if (byText.has(spelling)) continue;
      byText.set(spelling, index);
      const bytes = Buffer.from(spelling);
      (byFirstByte[bytes[0]] ??= []).push({ bytes, index });
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
 * costs a search of the whole page (`test/bench/exposition.ts`).
 */
export function scanPage(bytes: Uint8Array, names: NameIndex, visit: Visit): void {
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
      if (found !== undefined && sample.read(start + found.bytes.length, end)) visit(found.index, sample);
    } else if (first === HASH) {
      if (isEndOfPage(page, start, end)) return;
    } else if (first === OPEN && sample.read(start, end) && sample.quotedName !== undefined) {
      const index = names.byText.get(sample.quotedName);
      if (index !== undefined) visit(index, sample);
    }
  }
}

function findName(page: Buffer, start: number, candidates: readonly WantedName[]): WantedName | undefined {
  for (const candidate of candidates) if (startsWithName(page, start, candidate.bytes)) return candidate;
  return undefined;
}

function startsWithName(page: Buffer, start: number, name: Buffer): boolean {
  const after = page[start + name.length];
  if (after !== OPEN && !isBlank(after)) return false;
  // Wanted names begin alike (`vllm:num_requests_…`) and differ at their ends.
  for (let i = name.length - 1; i >= 0; i--) if (page[start + i] !== name[i]) return false;
  return true;
}

function isEndOfPage(page: Buffer, start: number, end: number): boolean {
  const length = END_OF_PAGE.length;
  if (end - start < length || end - start > length + 1 || page[start + 2] !== END_OF_PAGE[2]) return false;
  return page.toString('latin1', start, end).trimEnd() === '# EOF';
}
