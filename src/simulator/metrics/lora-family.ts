import type { AdapterSeries } from '../engine/adapter-series.ts';
import type { Family, Series } from './metrics-page.ts';

/**
 * vLLM's family about LoRA adapters; a server without any does not have it. Both lists name every adapter with a request
 * that runs or waits, and a value is the Unix time the combination was last true. Source: contract `model-servers.md` 1.2.
 */
export function loraFamily(adapters: AdapterSeries, startedSeconds: number): Family {
  const seriesOf = ([list, lastMs]: readonly [string, number]): Series => ({
    labels: { max_lora: String(adapters.maxLoras), running_lora_adapters: list, waiting_lora_adapters: list },
    value: () => startedSeconds + lastMs / 1000,
  });
  return {
    name: 'vllm:lora_requests_info',
    type: 'gauge',
    help: 'LoRA adapters with requests; the value is when.',
    series: [],
    more: () => Array.from(adapters.all, seriesOf),
  };
}
