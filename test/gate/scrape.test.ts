import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BUILT_IN_ENGINES } from '../../src/scrape/engines.ts';
import { SignalReader } from '../../src/scrape/signals.ts';
import { countWork } from './work.ts';

const page = readFileSync(new URL('../fixtures/metrics/vllm-metrics-sample.prom', import.meta.url));
/** Values and labels of the few lines that are wanted. */
const WANTED_CHARS = 300;

describe('reading a metrics page', () => {
  it('turns only the values it wants into text, not the page or its lines', () => {
    const reader = new SignalReader(BUILT_IN_ENGINES[0]);
    const { decode, concat, copy } = countWork(() => void reader.read(page));
    expect(decode.bytes).toBeLessThan(WANTED_CHARS);
    expect(concat.bytes + copy.bytes).toBe(0);
  });

  it('turns only the time of 5,000 series of adapters into text, not their names', () => {
    const series = Array.from({ length: 5000 }, (_, i) => {
      const adapters = `running_lora_adapters="adapter-${i}",waiting_lora_adapters=""`;
      return `vllm:lora_requests_info{max_lora="4",${adapters}} ${1.78e9 + i}\n`;
    });
    const old = Buffer.concat([page, Buffer.from(series.join(''))]);
    const reader = new SignalReader(BUILT_IN_ENGINES[0]);
    const { decode } = countWork(() => void reader.read(old));
    expect(decode.bytes).toBeLessThan(2 * WANTED_CHARS + 5000 * '1780000000'.length);
  });
});
