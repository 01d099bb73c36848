import { expect, it } from 'vitest';
import { inferenceRequest } from '../../test/kit/plugins.ts';
import type { Usage } from '../core/usage.ts';
import { Metrics } from './metrics.ts';
import { RequestMetrics } from './request-metrics.ts';

const LABELS = 'model_name="m",target_model_name="m",fairness_id="default-flow",priority="0"';

/** The sums and counts of the families that moved for one response. */
async function moved(usage: Usage, pace?: readonly [number, number | undefined]): Promise<string[]> {
  const metrics = new Metrics({ processMetrics: false });
  const response = new RequestMetrics(metrics).accepted(inferenceRequest());
  response.usage(usage);
  if (pace !== undefined) response.pace(...pace);
  const families = /^llm_d_epp_request_(\w+_tokens|ntpot_seconds|streaming_tpot_seconds)_(sum|count)\{/;
  return (await metrics.registry.metrics())
    .split('\n')
    .filter((line) => families.test(line) && line.includes(LABELS))
    .map((line) => line.replace(`{${LABELS}}`, '').replace('llm_d_epp_request_', ''));
}

it('tokens and pace move their families', async () => {
  expect(await moved({ promptTokens: 7, completionTokens: 10, cachedTokens: 4 }, [0.2, 0.1])).toEqual([
    'input_tokens_sum 7',
    'input_tokens_count 1',
    'cached_tokens_sum 4',
    'cached_tokens_count 1',
    'output_tokens_sum 10',
    'output_tokens_count 1',
    'ntpot_seconds_sum 0.2',
    'ntpot_seconds_count 1',
    'streaming_tpot_seconds_sum 0.1',
    'streaming_tpot_seconds_count 1',
  ]);
});

it('what was not told or not generated moves nothing, a cache that held nothing does', async () => {
  const lines = await moved({ promptTokens: 0, completionTokens: 0, cachedTokens: 0 }, [0.2, undefined]);
  expect(lines.filter((line) => /_count [1-9]/.test(line))).toEqual(['cached_tokens_count 1', 'ntpot_seconds_count 1']);
  expect((await moved({})).filter((line) => /_count [1-9]/.test(line))).toEqual([]);
});
