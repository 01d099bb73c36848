import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkCommand } from './check.ts';

const GOOD = 'plugins:\n- type: queue-scorer\n';
const ODD = `${GOOD}schedulingProfiles:
- name: default
  plugins:
  - { pluginRef: queue-scorer, weight: 0 }
`;
const BAD = `plugins:
- type: queue-scorr
- type: max-score-picker
  parameters: { maxNumOfEndpoints: lots, top: 1 }
`;

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointsman-check-'));
  for (const [name, text] of Object.entries({ good: GOOD, odd: ODD, bad: BAD })) {
    await writeFile(join(folder, `${name}.yaml`), text);
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function check(...args: string[]): Promise<{ code: number; stdout: string[]; stderr: string[] }> {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const without = (line: string): string => line.replaceAll(`${folder}/`, '');
  const code = await checkCommand.run(
    args.map((arg) => (arg.endsWith('.yaml') ? join(folder, arg) : arg)),
    {
      stdout: (line) => void stdout.push(without(line)),
      stderr: (line) => void stderr.push(without(line)),
      signal: new AbortController().signal,
    },
  );
  return { code, stdout, stderr };
}

describe('pointsman check', () => {
  it('says that a good file is good', async () => {
    expect(await check('good.yaml')).toEqual({ code: 0, stdout: ['good.yaml: ok'], stderr: [] });
  });

  it('tells every error of every file, with its place and the remedy', async () => {
    const { code, stdout } = await check('bad.yaml', 'good.yaml');
    expect(code).toBe(1);
    expect(stdout).toEqual([
      `error: bad.yaml:2:9: plugins[0].type: plugin type 'queue-scorr' is not registered (did you mean "queue-scorer"?)`,
      'error: bad.yaml:4:42: plugins[1].parameters.top: unknown key "top": known are maxNumOfEndpoints',
      'error: bad.yaml:4:36: plugins[1].parameters.maxNumOfEndpoints: found "lots", expected a number',
      'bad.yaml: 3 errors, 0 warnings',
      'good.yaml: ok',
    ]);
  });

  it('lets warnings pass, unless it is to be strict', async () => {
    const { code, stdout } = await check('odd.yaml');
    expect(stdout).toEqual([
      "warning: odd.yaml:6:40: schedulingProfiles[0].plugins[0].weight: 'queue-scorer' has weight 0: it costs time and decides nothing",
      'odd.yaml: 0 errors, 1 warning',
    ]);
    expect(code).toBe(0);
    expect((await check('--strict', 'odd.yaml')).code).toBe(1);
    expect((await check('--strict', 'good.yaml')).code).toBe(0);
  });

  it('speaks JSON', async () => {
    const { code, stdout } = await check('--json', 'odd.yaml', 'good.yaml');
    expect(code).toBe(0);
    expect(JSON.parse(stdout.join('\n'))).toEqual({
      files: [
        {
          file: 'odd.yaml',
          errors: 0,
          warnings: 1,
          problems: [
            {
              severity: 'warning',
              line: 6,
              column: 40,
              path: 'schedulingProfiles[0].plugins[0].weight',
              message: "'queue-scorer' has weight 0: it costs time and decides nothing",
            },
          ],
        },
        { file: 'good.yaml', errors: 0, warnings: 0, problems: [] },
      ],
    });
  });

  it('annotates for a workflow run', async () => {
    const { stdout } = await check('--format=github', 'bad.yaml');
    expect(stdout[0]).toBe(
      `::error file=bad.yaml,line=2,col=9::plugins[0].type: plugin type 'queue-scorr' is not registered (did you mean "queue-scorer"?)`,
    );
    expect(stdout).toHaveLength(3);
  });

  it.each([
    [[], 'no file given (see pointsman check --help)'],
    [['--format=xml', 'good.yaml'], '--format: "xml" is none of text, json, github (see pointsman check --help)'],
    [['--frmat=xml'], /^Unknown option '--frmat'/],
    [['missing.yaml'], /^missing\.yaml: cannot be read: ENOENT/],
  ])('exits with 2 for %j', async (args, message) => {
    const { code, stderr } = await check(...args);
    expect(code).toBe(2);
    expect(stderr[0]).toEqual(typeof message === 'string' ? message : expect.stringMatching(message));
  });

  it('helps', async () => {
    const { code, stdout } = await check('--help');
    expect(code).toBe(0);
    expect(stdout[0]).toMatch(/^Usage: pointsman check/);
  });
});
