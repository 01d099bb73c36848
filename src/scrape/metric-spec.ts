/** Picks series: those of one name whose labels have these values. An empty value also matches an absent label. */
export interface MetricSpec {
  readonly name: string;
  readonly labels: readonly (readonly [name: string, value: string])[];
}

const METRIC = /^\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{(.*)\})?\s*$/s;
const MATCHER = /\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^",={}]*))\s*(,|$)/sy;

/**
 * Reads `name{label=value,other="quoted, value"}`; the labels are optional, as are the quotes of a value without
 * commas, braces and quotes. Throws `Error` with one line that names the text.
 */
export function parseMetricSpec(text: string): MetricSpec {
  const metric = METRIC.exec(text);
  if (metric === null) throw invalid(text);
  const [, name, inside = ''] = metric;
  return { name, labels: inside.trim() === '' ? [] : parseMatchers(text, inside) };
}

function parseMatchers(text: string, inside: string): [string, string][] {
  const labels: [string, string][] = [];
  const seen = new Set<string>();
  MATCHER.lastIndex = 0;
  while (MATCHER.lastIndex < inside.length) {
    const match = MATCHER.exec(inside);
    if (match === null) throw invalid(text);
    const [, label, quoted, bare] = match;
    if (seen.has(label)) throw new Error(`invalid metric spec "${text}": label "${label}" is given twice`);
    seen.add(label);
    labels.push([label, quoted === undefined ? bare.trim() : unescaped(quoted)]);
  }
  return labels;
}

function unescaped(quoted: string): string {
  return quoted.replaceAll(/\\([n"\\])/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
}

function invalid(text: string): Error {
  return new Error(`invalid metric spec "${text}": write name or name{label=value,...}`);
}
