import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LoadOptions } from './arguments.ts';
import { runScript } from './run-script.ts';

/** Says that it is k6, then what it was asked to do, then ends as `end` says. */
const fakeK6 = (end: string): string => `#!/bin/sh
[ "$1" = --version ] && { echo "k6 v1.1.0"; exit 0; }
for arg in "$@"; do
  case "$arg" in
    file=*) log="\${arg#file=}" ;;
    RESULTS_DIR=*) results="\${arg#RESULTS_DIR=}" ;;
  esac
done
echo '{"passed": true}' > "$results/summary.json"
echo "$@"
${end}
`;

describe('running a script', () => {
  let folder: string;
  let kept: string | undefined;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pointsman-test-'));
    kept = process.env['K6_BIN'];
    process.env['K6_BIN'] = join(folder, 'k6');
  });
  afterEach(async () => {
    if (kept === undefined) delete process.env['K6_BIN'];
    else process.env['K6_BIN'] = kept;
    await rm(folder, { recursive: true, force: true });
  });

  const run = async (end: string, changes: Partial<LoadOptions> = {}, signal = new AbortController().signal) => {
    await writeFile(join(folder, 'k6'), fakeK6(end));
    await chmod(join(folder, 'k6'), 0o755);
    const options: LoadOptions = {
      short: true,
      url: 'http://gateway',
      servers: 8,
      pickerConfig: '',
      variables: ['RATE=5', 'MIX=chat=1,stream=1'],
      resultsFolder: folder,
      ...changes,
    };
    return runScript('gateway', options, { report: () => {}, quiet: true, signal });
  };

  it('tells k6 where to send and where results go, and starts no stack for a URL', async () => {
    const { passed, output, folder: results } = await run('exit 0');
    expect(passed).toBe(true);
    expect(results.startsWith(join(folder, 'gateway-'))).toBe(true);
    const told = ['GATEWAY_URL=http://gateway', `RESULTS_DIR=${results}`, 'SHORT=1', 'RATE=5', 'MIX=chat=1,stream=1'];
    for (const variable of told) expect(output).toContain(`-e ${variable} `);
    expect(output.trim()).toMatch(/loadtest\/gateway\.ts$/);
    expect(output).not.toContain('FAULT_URL');
  });

  it('tells crossed thresholds from a k6 that broke', async () => {
    expect((await run('exit 99')).passed).toBe(false);
    expect((await run(`echo '{"passed": false}' > "$results/summary.json"`)).passed).toBe(false);
    const broken = `printf '%s\\n' 'time="x" level=error msg="RATE: \\"no\\" is not a number\\n\\tat file"' > "$log"; exit 107`;
    await expect(run(broken)).rejects.toThrow(/^k6 ended with 107: RATE: "no" is not a number$/);
    await expect(run('exit 107')).rejects.toThrow(/^k6 ended with 107: see .*k6\.log$/);
  });

  it('lets k6 end in order when it is told to stop', async () => {
    const stop = new AbortController();
    const started = join(folder, 'started');
    const end = `trap 'echo ended > ${folder}/ended; exit 105' INT; : > ${started}; while :; do sleep 0.05; done`;
    const running = run(end, {}, stop.signal);
    await expect.poll(() => readFile(started).catch(() => undefined), { timeout: 10_000 }).toBeDefined();
    stop.abort();
    await expect(running).rejects.toThrow('k6 ended with 105');
    expect(await readFile(join(folder, 'ended'), 'utf8')).toBe('ended\n');
  });
});
