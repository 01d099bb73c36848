import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { indexNames, scanPage } from './exposition.ts';
import { parseNumber, valueAtEnd } from './sample.ts';

interface Seen {
  readonly name: string;
  readonly value: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** Everything a scan for `names` finds, with the labels asked for. */
function scan(text: string | Uint8Array, names: readonly string[], labels: readonly string[] = []): Seen[] {
  const seen: Seen[] = [];
  scanPage(typeof text === 'string' ? Buffer.from(text) : text, indexNames(names), (index, sample) => {
    const found = labels.map((label): [string, string] => [label, sample.label(label)]);
    seen.push({ name: names[index], value: sample.value, labels: Object.fromEntries(found) });
  });
  return seen;
}

function valuesOf(text: string, name = 'm'): number[] {
  return scan(text, [name]).map(({ value }) => value);
}

const fixture = (name: string): Buffer => readFileSync(new URL(`../../test/fixtures/metrics/${name}`, import.meta.url));
const VLLM = [
  'vllm:num_requests_waiting',
  'vllm:num_requests_running',
  'vllm:kv_cache_usage_perc',
  'vllm:cache_config_info',
];

describe('full pages', () => {
  it.each(['vllm-metrics-sample.prom', 'vllm-metrics-sample.openmetrics.txt'])('finds the four of %s', (name) => {
    const seen = scan(fixture(name), VLLM, ['engine', 'block_size', 'num_gpu_blocks']);
    expect(seen.map(({ name: metric, value }) => [metric, value])).toEqual([
      ['vllm:num_requests_running', 28],
      ['vllm:num_requests_waiting', 1],
      ['vllm:kv_cache_usage_perc', 0.3948234964231735],
      ['vllm:cache_config_info', 1],
    ]);
    expect(seen[3].labels).toEqual({ engine: '0', block_size: '16', num_gpu_blocks: '27310' });
  });

  it('reads a part of a larger buffer as a plain Uint8Array', () => {
    const page = fixture('vllm-metrics-sample.prom');
    const bytes = new Uint8Array(page.length + 7);
    bytes.set(page, 7);
    expect(scan(bytes.subarray(7), VLLM)).toHaveLength(4);
  });
});

describe('names', () => {
  it.each([
    ['m_by_reason 1\n'],
    ['m_created 1\n'],
    ['m_bucket{le="1"} 1\n'],
    ['m_count 1\n'],
    ['m_sum 1\n'],
    ['m_total 1\n'],
    ['xm 1\n'],
    ['m:x 1\n'],
    ['# m 1\n'],
    ['# HELP m 1\n'],
    ['#m 1\n'],
    ['{m="1"} 1\n'],
    ['{"m_total"} 1\n'],
    ['{"m","m"} 1\n'],
    ['m\n1\n'],
  ])('%j is not a sample of m', (line) => {
    expect(scan(line, ['m'])).toEqual([]);
  });

  it('finds a name whose suffix makes it look like part of a histogram', () => {
    const page = '# TYPE a_total histogram\na_total_bucket{le="+Inf"} 3\na_total_count 3\na_total_sum 7\na_total 5\n';
    expect(scan(page, ['a_total', 'a_total_sum'])).toEqual([
      { name: 'a_total_sum', value: 7, labels: {} },
      { name: 'a_total', value: 5, labels: {} },
    ]);
  });

  it('finds a quoted name among the labels', () => {
    expect(scan('{"vllm:x",a="b"} 4\n{c="d" , "vllm:x"} 5\n', ['vllm:x'], ['a', 'c'])).toEqual([
      { name: 'vllm:x', value: 4, labels: { a: 'b', c: '' } },
      { name: 'vllm:x', value: 5, labels: { a: '', c: 'd' } },
    ]);
  });

  it('finds a name with underscores for colons', () => {
    expect(valuesOf('a_b_c 1\na:b:c 2\na:b_c 3\n', 'a:b:c')).toEqual([1, 2]);
  });
});

describe('lines', () => {
  it.each([
    ['untyped', 'm 1\n', [1]],
    ['blanks around', ' \tm \t 1 \t\n', [1]],
    ['empty labels', 'm{} 1\n', [1]],
    ['blanks in labels', 'm { a = "1" , b = "2" , } 1\n', [1]],
    ['no blank after the brace', 'm{a="1"}1\n', [1]],
    ['CRLF', 'm{a="1"} 1\r\nm 2\r\n', [1, 2]],
    ['timestamp', 'm 1 1795440864080\n', [1]],
    ['OpenMetrics timestamp and exemplar', 'm{a="1"} 1 1.5 # {trace_id="x} 9"} 0.7 1.5\n', [1]],
    ['exemplar without timestamp', 'm 1 # {trace_id="x"} 0.7\n', [1]],
    ['integers without a point', 'm 28\n', [28]],
    ['end of page', 'm 1\n# EOF\nm 2\n', [1]],
    ['end of page, CRLF', 'm 1\r\n# EOF\r\nm 2\r\n', [1]],
    ['what only looks like the end', '# EOFX\n# EO\n#EOF\n# EOF 1\nm 1\n', [1]],
    ['cut last line', 'm 1\nm 23', [1]],
    ['cut label', 'm 1\nm{a="2', [1]],
    ['empty lines', '\n\nm 1\n\n', [1]],
    ['empty page', '', []],
    ['no value', 'm\nm \nm{a="1"}\nm{a="1"} \nm 1\n', [1]],
    ['value that is no number', 'm x\nm 0x10\nm 1_0\nm --1\nm 1e\nm .\nm 1\n', [1]],
    [
      'malformed labels',
      'm{a} 2\nm{a=} 2\nm{a="1} 2\nm{a=1} 2\nm{="1"} 2\nm{a="1"b="2"} 2\nm{,} 2\nm{a="1" 2\nm 1\n',
      [1],
    ],
    ['a brace too many', 'm{a="1"}} 2\nm 1\n', [1]],
  ])('%s', (_, page, values) => {
    expect(valuesOf(page)).toEqual(values);
  });

  it('takes labels in any order, with everything that can stand in a value', () => {
    const page = String.raw`m{z="a,b} 7",le="+Inf",e="\"q\" \\n \n é {x=\"1\"} # EOF",empty=""} 3` + '\n';
    expect(scan(page, ['m'], ['z', 'e', 'le', 'empty', 'absent', 'l'])).toEqual([
      {
        name: 'm',
        value: 3,
        labels: { z: 'a,b} 7', e: '"q" \\n \n é {x="1"} # EOF', le: '+Inf', empty: '', absent: '', l: '' },
      },
    ]);
  });
});

describe('numbers', () => {
  it.each([
    ['1e+07', 1e7],
    ['6.4929e+07', 64_929_000],
    ['-0.5', -0.5],
    ['+3', 3],
    ['.5', 0.5],
    ['5.', 5],
    ['NaN', Number.NaN],
    ['nan', Number.NaN],
    ['+Inf', Number.POSITIVE_INFINITY],
    ['Inf', Number.POSITIVE_INFINITY],
    ['-Inf', Number.NEGATIVE_INFINITY],
    ['1e400', Number.POSITIVE_INFINITY],
    ['', undefined],
    ['None', undefined],
    ['True', undefined],
    ['1 2', undefined],
  ])('%j', (text, value) => {
    expect(parseNumber(text)).toBe(value);
  });
});

// A second opinion: the grammar as one regular expression per line, slow and plain.
const LINE = /^[ \t]*([a-zA-Z_:][\w:]*)(?:[ \t]*\{(.*?)\})?[ \t]+(\S+)(?:[ \t].*)?$/s;
const LABEL = /^[ \t]*([a-zA-Z_]\w*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*(?:,|$)/s;

function slowly(page: string, names: readonly string[], labels: readonly string[]): Seen[] {
  const seen: Seen[] = [];
  for (const line of page.split('\n').slice(0, -1)) {
    if (/^[ \t]*# EOF\r?$/.test(line)) break;
    const at = quotedEnd(line.replace(/\r$/, ''));
    const match = LINE.exec(at.masked);
    if (match === null || !names.includes(match[1])) continue;
    const found: Record<string, string> = {};
    let rest = at.unmask(match[2] ?? '');
    while (rest.trim() !== '') {
      const label = LABEL.exec(rest);
      if (label === null) break;
      found[label[1]] ??= label[2].replaceAll(/\\([n"\\])/g, (_, c: string) => (c === 'n' ? '\n' : c));
      rest = rest.slice(label[0].length);
    }
    const wanted = labels.map((label): [string, string] => [label, found[label] ?? '']);
    seen.push({ name: match[1], value: parseNumber(match[3]) ?? Number.NaN, labels: Object.fromEntries(wanted) });
  }
  return seen;
}

/** Hides the insides of quoted texts, so that the line's expression can look for braces and blanks. */
function quotedEnd(line: string): { masked: string; unmask: (text: string) => string } {
  const kept: string[] = [];
  const masked = line.replaceAll(/"(?:[^"\\]|\\.)*"/gs, (text) => `«${kept.push(text) - 1}»`);
  return { masked, unmask: (text) => text.replaceAll(/«(\d+)»/g, (_, i: string) => kept[Number(i)]) };
}

const name = fc.constantFrom('m', 'mm', 'm_total', 'm_bucket', 'vllm:m', 'n');
const labelName = fc.constantFrom('a', 'b', 'engine', 'le', '_x1');
const labelValue = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', ',', '{', '}', ' ', '"', '\\', '\n', '=', '#', 'é', '1') }),
  fc.constantFrom('0', 'None', '+Inf'),
);
const value = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY));
const blank = fc.constantFrom('', '', ' ', '\t', '  ');
const sample = fc
  .record({
    name,
    labels: fc.uniqueArray(fc.tuple(labelName, labelValue), { maxLength: 5, selector: ([label]) => label }),
    value,
    tail: fc.constantFrom('', ' 1795440864080', ' # {t="1"} 0.5', ' 12 # {t="} 7"} 1'),
    blanks: fc.array(blank, { minLength: 4, maxLength: 4 }),
    end: fc.constantFrom('\n', '\r\n'),
  })
  .map((line) => ({ ...line, text: render(line) }));

function render(line: {
  name: string;
  labels: [string, string][];
  value: number;
  tail: string;
  blanks: string[];
  end: string;
}): string {
  const [before, around, comma, after] = line.blanks;
  const escaped = (text: string): string =>
    text
      .replaceAll('\\', '\\\\')
      .replaceAll('"', String.raw`\"`)
      .replaceAll('\n', String.raw`\n`);
  const labels = line.labels.map(([label, text]) => `${around}${label}${comma}=${comma}"${escaped(text)}"${around}`);
  const braces = line.labels.length === 0 ? '' : `{${labels.join(',')}}`;
  const number = String(line.value).replace('Infinity', 'Inf');
  return `${before}${line.name}${braces} ${after}${number}${line.tail}${line.end}`;
}

const noise = fc.oneof(
  fc.constantFrom('# HELP m {a="b"} 3\n', '# TYPE m gauge\n', '\n', 'other{m="1"} 3\n', '#\n', 'm2 5\n'),
  fc.string({ unit: fc.constantFrom('x', '"', '{', '#', ' ') }).map((text) => `x${text}\n`),
);
const LABELS = ['a', 'b', 'engine', 'le', '_x1'];

describe('properties', () => {
  it('finds in a well-formed page what was put in', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(noise, sample), { maxLength: 12 }), (lines) => {
        const page = lines.map(([before, line]) => before + line.text).join('');
        const wanted = ['m', 'm_total', 'vllm:m'];
        const put = lines
          .map(([, line]) => line)
          .filter((line) => wanted.includes(line.name))
          .map((line) => ({
            name: line.name,
            value: line.value,
            labels: Object.fromEntries(
              LABELS.map((label) => [label, new Map<string, string>(line.labels).get(label) ?? '']),
            ),
          }));
        const found = scan(page, wanted, LABELS);
        expect(found).toEqual(
          put.map((line) => ({ ...line, value: line.value === 0 ? expect.closeTo(0) : line.value })),
        );
        expect(found).toEqual(slowly(page, wanted, LABELS));
      }),
      { numRuns: 500 },
    );
  });

  it('never throws, and a cut page shows a part of the whole', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 400 }),
      fc
        .string({ unit: fc.constantFrom('m', '{', '}', '"', '\\', ',', '=', ' ', '\n', '\r', '1', '#', 'a') })
        .map((text) => Buffer.from(text)),
      fc.array(sample, { maxLength: 6 }).map((lines) => Buffer.from(lines.map(({ text }) => text).join(''))),
    );
    fc.assert(
      fc.property(bytes, fc.nat(400), (page, cut) => {
        const whole = scan(page, ['m'], ['a']);
        const part = scan(page.subarray(0, cut), ['m'], ['a']);
        expect(whole.slice(0, part.length)).toEqual(part);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('a value without a look at the labels', () => {
  const read = (line: string): number => valueAtEnd(Buffer.from(`${line}\n`), 0, line.length);

  it.each([
    ['m{a="b"} 1.5e9', 1.5e9],
    ['m{a="b"}\t-2\r', -2],
    ['m{a="} 7"} 8', 8],
    ['m{} +Inf', Number.POSITIVE_INFINITY],
  ])('%j is %d', (line, expected) => {
    expect(read(line)).toBe(expected);
  });

  it.each(['m 1', 'm{a="b"}1', 'm{a="b"} 1 1000', 'm{a="b"} one', 'm{a="b"}', '1', ''])('%j has to be read', (line) => {
    expect(read(line)).toBeNaN();
  });
});

describe('timestamps', () => {
  const timestamps = (rest: string): number[] => {
    const seen: number[] = [];
    scanPage(Buffer.from(`m 1${rest}\n`), indexNames(['m']), (_, { timestamp }) => seen.push(timestamp));
    return seen;
  };

  it.each([
    [' 1741009310000', 1_741_009_310_000],
    ['\t 1741009310.25 \r', 1_741_009_310.25],
    [' -1', -1],
    ['', Number.NEGATIVE_INFINITY],
    [' ', Number.NEGATIVE_INFINITY],
    ['\r', Number.NEGATIVE_INFINITY],
    [' NaN', Number.NEGATIVE_INFINITY],
    [' # {trace_id="x"} 1 1000', Number.NEGATIVE_INFINITY],
    [' 5 # {trace_id="x"} 1', 5],
  ])('after the value, %j is %d', (rest, expected) => {
    expect(timestamps(rest)).toEqual([expected]);
  });
});
