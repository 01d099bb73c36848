/** One family of a metrics page. */
export interface PageFamily {
  readonly type: string;
  readonly help: string;
  /** Labels of its series, without `le`, in order; undefined while it has no series. */
  labels: string | undefined;
  /** Upper bounds of a histogram, without `+Inf`. */
  buckets: string | undefined;
  /** Value by what stands before it on the line. */
  readonly values: Map<string, number>;
}

/** Reads a page of the text format as far as these tests need it: label values hold no `}` or `,`. */
export function readPage(text: string): Map<string, PageFamily> {
  const families = new Map<string, PageFamily>();
  let help = '';
  let current: PageFamily | undefined;
  for (const line of text.split('\n')) {
    const [, keyword, name, rest] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (keyword === 'HELP') help = rest;
    else if (keyword === 'TYPE') {
      if (families.has(name)) throw new Error(`${name} stands twice on the page`);
      current = { type: rest, help, labels: undefined, buckets: undefined, values: new Map() };
      families.set(name, current);
    } else if (line !== '' && current !== undefined) addSeries(current, line);
  }
  return families;
}

function addSeries(family: PageFamily, line: string): void {
  const [, name, , inside = '', value] = /^(\w+)({([^}]*)})? (\S+)$/.exec(line) ?? [];
  if (name === undefined) throw new Error(`not a series: ${line}`);
  family.values.set(line.slice(0, line.lastIndexOf(' ')), Number(value));
  const labels = inside.split(',').filter((part) => part !== '');
  const bound = labels.find((part) => part.startsWith('le='))?.slice(4, -1);
  const names = labels.map((part) => part.split('=', 1)[0]).filter((label) => label !== 'le');
  family.labels ??= names.join(' ');
  if (family.labels !== names.join(' ')) throw new Error(`${name} has series with other labels: ${line}`);
  if (bound === undefined || bound === '+Inf') return;
  const bounds = family.buckets?.split(' ') ?? [];
  if (!bounds.includes(bound)) family.buckets = [...bounds, bound].join(' ');
}
