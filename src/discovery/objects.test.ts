import { mkdtemp, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { eventually } from '../../test/kit/eventually.ts';
import { startObjectsFile } from './objects.ts';

const objective = (name: string, priority: number | string = 1): string =>
  `apiVersion: llm-d.ai/v1alpha2\nkind: InferenceObjective\nmetadata: {name: ${name}}\nspec: {priority: ${priority}}\n`;

let folder = '';
let path = '';
let open: { close(): Promise<void> }[] = [];
const lines: string[] = [];
let names: string[] = [];
let refusals = 0;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointsman-objects-'));
  path = join(folder, 'objects.yaml');
  lines.length = 0;
  names = [];
  refusals = 0;
});

afterEach(async () => {
  for (const source of open) await source.close();
  open = [];
  await rm(folder, { recursive: true, force: true });
});

async function start() {
  const note = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  const source = await startObjectsFile({
    path,
    sink: {
      replace(objectives) {
        names = objectives.map(({ name }) => name);
      },
    },
    log: { info: note('info'), warn: note('warn'), error: note('error') },
    onReloadError: () => refusals++,
  });
  open.push(source);
  return source;
}

async function write(text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

it('loads the file, and follows it', async () => {
  await write(objective('a'));
  await start();
  expect(names).toEqual(['a']);
  await write(`${objective('b')}---\n${objective('c')}`);
  await eventually('the second load', () => names.join() === 'b,c');
  await write('');
  await eventually('the third load', () => names.length === 0);
  expect([lines, refusals]).toEqual([[], 0]);
});

it('refuses to start with a file that is wrong or missing', async () => {
  await expect(start()).rejects.toThrow(/objects\.yaml: cannot be read: ENOENT/);
  await write(objective('a', 'high'));
  await expect(start()).rejects.toThrow(`${path}:4:18: spec.priority: found "high", expected a number`);
  expect(names).toEqual([]);
});

it('keeps the last good objects when new content is wrong, and when the file goes', async () => {
  await write(objective('a'));
  await start();
  await write(objective('b', 'high'));
  await eventually('the refusal', () => refusals === 1);
  await unlink(path);
  await eventually('the second refusal', () => refusals === 2);
  expect(names).toEqual(['a']);
  expect(lines).toEqual([
    `error ${path}:4:18: spec.priority: found "high", expected a number; the objects stay as they were`,
    expect.stringMatching(/^error .*cannot be read: ENOENT.*; the objects stay as they were$/),
  ]);
  await write(objective('c'));
  await eventually('the recovery', () => names.join() === 'c');
});

it('may be closed twice', async () => {
  await write(objective('a'));
  const source = await start();
  await source.close();
  await source.close();
});
