// What reading a metrics page costs, and why it is read in one pass from newline to newline.
//   node test/bench/exposition.ts
import { readFileSync } from 'node:fs';
import { BUILT_IN_ENGINES } from '../../src/scrape/engines.ts';
import { SignalReader } from '../../src/scrape/signals.ts';

const ROUNDS = 20;
const PAGES_PER_ROUND = 500;

/** A page of about 22 kB: the signals first, then histograms. */
function smallPage(): Buffer {
  let text =
    'vllm:num_requests_waiting{engine="0",model_name="m"} 2.0\nvllm:num_requests_running{engine="0",model_name="m"} 3.0\n' +
    'vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.4\n' +
    'vllm:cache_config_info{block_size="16",num_gpu_blocks="20000"} 1.0\n';
  for (let i = 0; text.length < 22 * 1024; i++) {
    text += `# HELP vllm:hist${i}_seconds Histogram of something.\n# TYPE vllm:hist${i}_seconds histogram\n`;
    for (let le = 0; le < 22; le++) {
      text += `vllm:hist${i}_seconds_bucket{engine="0",le="${le}.0",model_name="meta-llama/Llama-3.1-8B"} ${le}.0\n`;
    }
  }
  return Buffer.from(text);
}

/** A page of vLLM that has served many combinations of LoRA adapters: its Python front end never drops a series. */
function oldLoraPage(): Buffer {
  const series = Array.from(
    { length: 5000 },
    (_, i) =>
      `vllm:lora_requests_info{max_lora="4",running_lora_adapters="adapter-${i},adapter-${i + 1}",` +
      `waiting_lora_adapters="adapter-${i},adapter-${i + 1}"} ${1.78e9 + i}\n`,
  );
  return Buffer.concat([smallPage(), Buffer.from(series.join(''))]);
}

/** The alternative: one search of the page per name and spelling. Finds lines only, reads nothing of them. */
function searchPerName(needles: readonly Buffer[], page: Buffer): number {
  let found = 0;
  for (const needle of needles) {
    for (let at = page.indexOf(needle); at !== -1; at = page.indexOf(needle, at + needle.length)) found++;
  }
  return found;
}

/** Median microseconds of one call. */
function measure(call: () => unknown): number {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    for (let i = 0; i < PAGES_PER_ROUND; i++) call();
    times.push(((performance.now() - start) * 1000) / PAGES_PER_ROUND);
  }
  return times.sort((a, b) => a - b)[ROUNDS / 2];
}

const engine = BUILT_IN_ENGINES[0];
const names = new Set(Object.values(engine.signals).flatMap(({ sources }) => sources.map(({ metric }) => metric.name)));
const needles = [...names].flatMap((name) => [name, name.replace(':', '_')]).map((name) => Buffer.from(`\n${name}`));
const fixture = (name: string): Buffer => readFileSync(new URL(`../fixtures/metrics/${name}`, import.meta.url));

for (const [name, page] of [
  ['full page, text', fixture('vllm-metrics-sample.prom')],
  ['full page, OpenMetrics', fixture('vllm-metrics-sample.openmetrics.txt')],
  ['22 kB page', smallPage()],
  ['5,000 old LoRA series', oldLoraPage()],
] as const) {
  const reader = new SignalReader(engine);
  const read = measure(() => reader.read(page)).toFixed(1);
  const searched = measure(() => searchPerName(needles, page)).toFixed(1);
  process.stdout.write(`${name} (${page.length} bytes): read ${read} us, search per name ${searched} us\n`);
}
