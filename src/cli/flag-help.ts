import { type Flag, FLAGS } from './flags.ts';

const TYPE_WORDS: Readonly<Record<Flag['type'], string>> = {
  string: 'text',
  strings: 'list',
  int: 'number',
  ints: 'numbers',
  bool: '',
  duration: 'duration',
  bytes: 'size',
  verbosity: 'level',
};

/** The text of `--help`: every flag that can be given, by group, with default and one sentence. */
export function flagHelp(usage: string): string {
  const flags: readonly Flag[] = FLAGS;
  const groups = Map.groupBy(
    flags.filter(({ support }) => support !== 'removed'),
    ({ group }) => group,
  );
  const width = Math.max(...flags.map((flag) => headline(flag).length));
  const sections = [...groups].map(([group, members]) => {
    const lines = members.map((flag) => `  ${headline(flag).padEnd(width)}  ${flag.help}${suffix(flag)}`);
    return [`${group}:`, ...lines].join('\n');
  });
  return [`Usage: ${usage}`, ...sections, `  ${'-h, --help'.padEnd(width)}  Show this text.`].join('\n\n');
}

function headline({ name, type }: Flag): string {
  const dashes = name.length === 1 ? '-' : '--';
  return `${dashes}${name} ${TYPE_WORDS[type]}`.trimEnd();
}

function suffix({ fallback }: Flag): string {
  return fallback === '' ? '' : ` (default ${fallback})`;
}
