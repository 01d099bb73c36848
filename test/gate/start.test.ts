import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { expect, it } from 'vitest';

const SRC = resolve(import.meta.dirname, '../../src');
/** `import` and `export` from a file that are there when the program runs; types are not. */
const LOADS = /^(?:import|export) (?!type\b)[\w\s{},*$]*? from '([^']+)';/gm;

/** What each start may load. Left out are the API server's client (85 MB, 0.3 s), tracing and certificates. */
const AT_START = new Set([
  '@grpc/grpc-js',
  '@marcbachmann/cel-js',
  '@valibot/to-json-schema',
  'lru-cache',
  'pino',
  'prom-client',
  'protobufjs/minimal.js',
  'undici',
  'valibot',
  'yaml',
]);
/** What the scrape worker, a thread with a heap of its own, may load. */
const IN_WORKER = new Set(['valibot']);

/** The packages a file loads before it does anything. */
function packagesOf(file: string): string[] {
  const seen = new Set<string>();
  const visit = (target: string): void => {
    if (seen.has(target)) return;
    seen.add(target);
    if (!target.startsWith(SRC) || !target.endsWith('.ts')) return;
    for (const [, name] of readFileSync(target, 'utf8').matchAll(LOADS)) {
      visit(name.startsWith('.') ? resolve(dirname(target), name) : name);
    }
  };
  visit(resolve(SRC, file));
  return [...seen].filter((name) => !name.startsWith('/') && !name.startsWith('node:'));
}

it('a start loads what every installation needs; what some need is imported when they do', () => {
  const packages = packagesOf('main.ts');
  expect(packages).toContain('@grpc/grpc-js');
  expect(packages.filter((name) => !AT_START.has(name))).toEqual([]);
});

it('the scrape worker loads no gRPC, no metrics and no configuration', () => {
  const packages = packagesOf('scrape/worker.ts');
  expect(packages).toContain('valibot');
  expect(packages.filter((name) => !IN_WORKER.has(name))).toEqual([]);
});
