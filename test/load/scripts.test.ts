import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type LoadOptions, SCRIPTS } from '../../loadtest/runner/arguments.ts';
import { runScript } from '../../loadtest/runner/run-script.ts';
import { SAMPLE_CONFIG } from '../../loadtest/stack/picker-process.ts';

const OPTIONS: LoadOptions = {
  short: true,
  url: undefined,
  servers: 8,
  pickerConfig: SAMPLE_CONFIG,
  variables: [],
  resultsFolder: join(import.meta.dirname, '../../loadtest/results'),
};

describe('k6, short form, every threshold in force', () => {
  it.each(SCRIPTS)('%s', async (script) => {
    const signal = new AbortController().signal;
    const { passed, output } = await runScript(script, OPTIONS, { report: () => {}, quiet: true, signal });
    process.stdout.write(output);
    expect(passed, output).toBe(true);
  });
});
