import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { startPlainPicker } from '../../test/envoy/plain-picker.ts';
import { type DemoOptions, runDemo } from './demo.ts';
import type { StartPicker } from './picker-handle.ts';
import type { Screen } from './view.ts';

const OPTIONS: DemoOptions = {
  seed: 1,
  seconds: 2,
  ratePerSecond: 40,
  servers: 3,
  gateway: 'embedded',
  secure: false,
  once: true,
};

const startPicker: StartPicker = async ({ configText, secure }) => {
  const { plugins } = JSON.parse(configText) as { plugins: [{ parameters: { path: string } }] };
  const file = await readFile(plugins[0].parameters.path, 'utf8');
  const { endpoints } = JSON.parse(file) as { endpoints: { port: string }[] };
  const picker = await startPlainPicker({ ports: endpoints.map(({ port }) => Number(port)), secure });
  return { ...picker, metricsPort: 0, onDecision() {} };
};

const screenTo = (lines: string[], tty = false): Screen => ({
  line: (text) => void lines.push(text),
  tty,
  color: false,
  columns: 100,
  rows: 24,
});

describe('the demo', () => {
  it('loses no request that had not begun to answer when a server is killed', async () => {
    const lines: string[] = [];
    const signal = new AbortController().signal;
    const { summary, finished } = await runDemo(OPTIONS, { startPicker, screen: screenTo(lines), signal });
    expect(finished).toBe(true);
    expect(summary.failed).toBe(0);
    expect(summary.answered + summary.cutOff).toBe(summary.requests);
    expect(summary.requests).toBeGreaterThan(40);
    expect(summary.prefixHitRate).toBeGreaterThan(0);
    const text = lines.join('\n');
    expect(text).toMatch(/vllm-\d is KILLED with \d+ requests in flight/);
    expect(text).toMatch(/vllm-\d is back, with an empty cache/);
    expect(text).toMatch(/failed +0 of those that had not begun to answer/);
    expect(text).not.toContain('\u001B');
  });

  it('stays up with a curl line until it is told to stop', async () => {
    const lines: string[] = [];
    const stop = new AbortController();
    const screen: Screen = {
      ...screenTo(lines, true),
      line: (text) => {
        lines.push(text);
        if (text.includes('Ctrl-C')) stop.abort();
      },
    };
    const options = { ...OPTIONS, once: false };
    const { finished } = await runDemo(options, { startPicker, screen, signal: stop.signal });
    expect(finished).toBe(true);
    const curl = lines.find((line) => line.includes('curl -iN'));
    expect(curl).toMatch(/curl -iN http:\/\/127\.0\.0\.1:\d+\/v1\/chat\/completions -H .* -d '\{.*\}'$/);
  });

  it('stops at once and says that it did not finish', async () => {
    const stop = new AbortController();
    const screen: Screen = {
      ...screenTo([]),
      line: (text) => {
        if (text.startsWith('gateway')) setTimeout(() => stop.abort(), 100);
      },
    };
    const options = { ...OPTIONS, seconds: 600 };
    const { finished } = await runDemo(options, { startPicker, screen, signal: stop.signal });
    expect(finished).toBe(false);
  });

  it('ends what it started when a part cannot be started', async () => {
    const closed: string[] = [];
    const broken = runDemo(OPTIONS, {
      startPicker: () => Promise.reject(new Error('no picker')),
      startServer: ({ name }) =>
        Promise.resolve({
          name,
          port: 1,
          crash() {},
          restart: () => Promise.resolve(),
          close: () => {
            closed.push(name);
            return Promise.resolve();
          },
        }),
      screen: screenTo([]),
      signal: new AbortController().signal,
    });
    await expect(broken).rejects.toThrow('no picker');
    expect(closed.toSorted()).toEqual(['vllm-1', 'vllm-2', 'vllm-3']);
  });
});
