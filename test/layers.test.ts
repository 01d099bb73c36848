import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = resolve(import.meta.dirname, '../src');

/** Folders by rank: a file imports lower ranks and its own folder, nothing else (see src/README.md). */
const RANKS: readonly (readonly string[])[] = [
  ['lib', 'core', 'protos'],
  ['datastore', 'scheduling', 'payload', 'config'],
  ['plugins'],
  ['request'],
  ['kubernetes'],
  ['ext-proc', 'scrape', 'discovery', 'telemetry', 'tracing', 'admin'],
  ['simulator', 'gateway'],
  ['app', 'demo', 'doctor'],
  ['cli'],
  ['main.ts'],
];

/** Modules that do I/O, keep time or start things; ranks 0 to 3 stay clear of them. */
const IO_MODULES =
  /^(node:)?(fs|net|http|https|http2|tls|dns|child_process|worker_threads|cluster|os|process|timers)(\/|$)/;
const IO_PACKAGES = new Set(['undici', '@grpc/grpc-js', 'pino', 'prom-client', '@kubernetes/client-node']);
const IO_GLOBALS =
  /\b(Date\.now|new Date\(|performance\.now|Math\.random|process\.|setTimeout|setInterval|setImmediate)\b/;

/** Dates in leases, events and certificates, and what the simulator and the doctor say for others to read. */
const WALL_CLOCK_READERS = [
  'app/cluster.ts',
  'app/leadership.ts',
  'doctor/picker.ts',
  'ext-proc/certificate.ts',
  'simulator/http/inference-handler.ts',
  'simulator/pod.ts',
];

interface Source {
  readonly path: string;
  readonly folder: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter(
    (path) =>
      path.endsWith('.ts') && !path.endsWith('.test.ts') && !path.endsWith('.d.ts') && !path.includes('generated/'),
  )
  .map(readSource);

describe('layers', () => {
  it('every folder under src has a rank', () => {
    const ranked = new Set(RANKS.flat());
    expect([...new Set(sources.map(({ folder }) => folder))].filter((folder) => !ranked.has(folder))).toEqual([]);
  });

  it('files import only lower ranks and their own folder', () => {
    expect(sources.flatMap(upwardImports)).toEqual([]);
  });

  it('plugins do not import one another', () => {
    const plugins = sources.filter(({ path, folder }) => folder === 'plugins' && !path.endsWith('catalog.ts'));
    const strays = plugins.flatMap(({ path, imports }) =>
      imports
        .filter((target) => target.startsWith('plugins/') && dirname(target) !== dirname(path))
        .map((target) => `${path} imports ${target}`),
    );
    expect(strays).toEqual([]);
  });

  it('ranks 0 to 3 do no I/O and take time and chance as arguments', () => {
    const pure = sources.filter(({ folder }) => rankOf(folder) <= 3);
    const strays = pure.flatMap(({ path, text, imports }) => [
      ...imports
        .filter((name) => IO_MODULES.test(name) || IO_PACKAGES.has(name))
        .map((name) => `${path} imports ${name}`),
      ...withoutComments(text)
        .split('\n')
        .filter((line) => IO_GLOBALS.test(line))
        .map((line) => `${path}: ${line.trim()}`),
    ]);
    expect(strays).toEqual([]);
  });

  it('the wall clock, which can jump, is read only where a date is meant', () => {
    const readers = sources.filter(({ text }) => /\bDate\.now\b|\bnew Date\(\)/.test(withoutComments(text)));
    expect(readers.map(({ path }) => path).toSorted()).toEqual(WALL_CLOCK_READERS);
  });

  it('there are no import cycles', () => {
    expect(cycles(new Map(sources.map(({ path, imports }) => [path, imports])))).toEqual([]);
  });

  it('no file is over 400 lines', () => {
    expect(sources.filter(({ text }) => text.split('\n').length > 400).map(({ path }) => path)).toEqual([]);
  });
});

function readSource(path: string): Source {
  const text = readFileSync(join(SRC, path), 'utf8');
  const imports = [...text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, target]) =>
    target.startsWith('.') ? relative(SRC, resolve(SRC, dirname(path), target)) : target,
  );
  return { path, folder: path.split('/')[0], text, imports };
}

function upwardImports({ path, folder, imports }: Source): string[] {
  return (
    imports
      .filter((target) => RANKS.flat().includes(target.split('/')[0]))
      .filter((target) => target.split('/')[0] !== folder && rankOf(target.split('/')[0]) >= rankOf(folder))
      // Rank 0 is one floor: `lib` serves `core` and the other way round.
      .filter((target) => !(rankOf(folder) === 0 && rankOf(target.split('/')[0]) === 0))
      .map((target) => `${path} imports ${target}`)
  );
}

function rankOf(folder: string): number {
  return RANKS.findIndex((folders) => folders.includes(folder));
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/\/\/.*$/gm, '');
}

function cycles(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const found: string[] = [];
  const state = new Map<string, 'open' | 'done'>();
  const visit = (node: string, trail: readonly string[]): void => {
    if (state.get(node) === 'done') return;
    if (state.get(node) === 'open') {
      found.push([...trail.slice(trail.indexOf(node)), node].join(' -> '));
      return;
    }
    state.set(node, 'open');
    for (const next of graph.get(node) ?? []) if (graph.has(next)) visit(next, [...trail, node]);
    state.set(node, 'done');
  };
  for (const node of graph.keys()) visit(node, []);
  return found;
}
