// What reading a metrics page costs, and why it is read in one pass from newline to newline.
import { readFileSync } from 'node:fs';
import { BUILT_IN_ENGINES } from '../../../src/scrape/engines.ts';
import { SignalReader } from '../../../src/scrape/signals.ts';
import type { MicroCase } from '../harness.ts';
import { vllmPage } from '../macro/metrics-pages.ts';
import { costUs } from './cpu.ts';

const SMALL_PAGE_BYTES = 22 * 1024;
const engine = BUILT_IN_ENGINES[0];

export const exposition: MicroCase = {
  name: 'exposition',
  *run(effort) {
    for (const [name, page] of [
      ['text, 36 kB', fixture('vllm-metrics-sample.prom')],
      ['OpenMetrics, 36 kB', fixture('vllm-metrics-sample.openmetrics.txt')],
      ['text, 22 kB', Buffer.from(vllmPage(SMALL_PAGE_BYTES))],
      ['5,000 old LoRA series, 0.9 MB', oldLoraPage()],
    ] as const) {
      const reader = new SignalReader(engine);
      yield { what: `read ${name}`, value: costUs(effort, () => reader.read(page)), unit: 'us' };
      yield { what: `search per name, ${name}`, value: costUs(effort, () => searchPerName(page)), unit: 'us' };
    }
  },
};

function fixture(name: string): Buffer {
  return readFileSync(new URL(`../../fixtures/metrics/${name}`, import.meta.url));
}

/** A page of vLLM that has served many combinations of LoRA adapters: its Python front end never drops a series. */
function oldLoraPage(): Buffer {
  const series = Array.from(
    { length: 5000 },
    (_, i) =>
      `vllm:lora_requests_info{max_lora="4",running_lora_adapters="adapter-${i},adapter-${i + 1}",` +
      `waiting_lora_adapters="adapter-${i},adapter-${i + 1}"} ${1.78e9 + i}\n`,
  );
  return Buffer.from(vllmPage(SMALL_PAGE_BYTES) + series.join(''));
}

const names = new Set(Object.values(engine.signals).flatMap(({ sources }) => sources.map(({ metric }) => metric.name)));
const needles = [...names].flatMap((name) => [name, name.replace(':', '_')]).map((name) => Buffer.from(`\n${name}`));

/** The alternative: one search of the page per name and spelling. Finds lines only, reads nothing of them. */
function searchPerName(page: Buffer): number {
  let found = 0;
  for (const needle of needles) {
    for (let at = page.indexOf(needle); at !== -1; at = page.indexOf(needle, at + needle.length)) found++;
  }
  return found;
}
