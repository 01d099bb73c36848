import { describe, expect, it } from 'vitest';
import type { LoraInfo } from '../core/endpoint.ts';
import { BUILT_IN_ENGINES } from './engines.ts';
import { MAX_ADAPTERS, sameLora } from './lora.ts';
import { SignalReader } from './signals.ts';

const reader = new SignalReader(BUILT_IN_ENGINES[0]);

function read(page: string): LoraInfo | undefined {
  return reader.read(Buffer.from(page)).lora;
}

/** Names as one text, in order. */
function told(page: string) {
  const lora = read(page);
  return lora && [[...lora.active].join(' '), [...lora.waiting].join(' '), lora.maxActive];
}

function info(running: string, waiting: string, value: number | string, labels = 'max_lora="4"'): string {
  return `vllm:lora_requests_info{${labels},running_lora_adapters="${running}",waiting_lora_adapters="${waiting}"} ${value}\n`;
}

describe('lora_requests_info', () => {
  it.each([
    ['names with spaces and gaps', info(' a , b,,c ', 'd', 1), ['a b c', 'd', 4]],
    ['nobody in use', info('', '', 1), ['', '', 4]],
    ['the highest value, wherever it stands', info('a', '', 1) + info('b', '', 3) + info('c', '', 2), ['b', '', 4]],
    ['no value at all', info('a', '', 'NaN') + info('b', '', 2), ['b', '', 4]],
    ['a value of 0, as an info gauge may have', info('a', 'b', 0), ['a', 'b', 4]],
    ['a limit nobody knows', info('a', '', 1, 'max_lora="None"'), ['a', '', Number.NaN]],
    ['no limit', info('a', '', 1, 'x="y"'), ['a', '', Number.NaN]],
    [
      'engines side by side, each with its newest',
      info('a', '', 5, 'engine="0",max_lora="4"') +
        info('x', '', 1, 'engine="1",max_lora="4"') +
        info('b', 'c', 2, 'engine="1",max_lora="4"'),
      ['a b', 'c', 4],
    ],
    [
      'processes of one engine',
      info('a', '', 5, 'max_lora="4",pid="1"') + info('b', '', 6, 'max_lora="4",pid="2"'),
      ['b', '', 4],
    ],
    ['names with a quote', info('a\\"b', '', 1), ['a"b', '', 4]],
  ])('%s', (_, page, expected) => {
    expect(told(page)).toEqual(expected);
  });

  it('absent is no error, and nothing is kept from the page before', () => {
    expect(read(info('a', 'b', 1))?.active.size).toBe(1);
    const { lora, missing } = reader.read(
      Buffer.from(
        'vllm:num_requests_waiting 1\nvllm:num_requests_running 1\nvllm:kv_cache_usage_perc 0\n' +
          'vllm:cache_config_info{block_size="16",num_gpu_blocks="1"} 1\n',
      ),
    );
    expect([lora, missing]).toEqual([undefined, []]);
  });

  it('may have grown without bound', () => {
    const old = Array.from({ length: 5000 }, (_, i) => info(`a${i}`, '', i)).join('');
    expect(told(old)).toEqual(['a4999', '', 4]);
  });

  it('may name more adapters than are kept, and names longer than any', () => {
    const names = Array.from({ length: MAX_ADAPTERS + 1 }, (_, i) => `a${i}`);
    const lora = read(info(names.join(','), 'x'.repeat(257), 1));
    expect([lora?.active.size, lora?.active.has('a511'), lora?.active.has('a512'), lora?.waiting.size]).toEqual([
      MAX_ADAPTERS,
      true,
      false,
      0,
    ]);
    expect(read(info('', 'x'.repeat(256), 1))?.waiting.size).toBe(1);
  });
});

describe('lora_adapter_loaded', () => {
  const loaded = (name: string, level: string, value: number): string =>
    `vllm:lora_adapter_loaded{adapter_name="${name}",level="${level}",pinned="False",rank="8"} ${value}\n`;

  it('makes an adapter in GPU memory active, in use or not', () => {
    const page = loaded('idle', 'gpu', 1) + loaded('cold', 'cpu', 1) + loaded('gone', 'gpu', 0) + info('busy', '', 1);
    expect(told(page)).toEqual(['idle busy', '', 4]);
  });

  it('tells of a server that has not served any adapter yet', () => {
    expect(told('vllm:max_gpu_lora_adapters{engine="0"} 8\n')).toEqual(['', '', 8]);
    expect(told('vllm:max_gpu_lora_adapters NaN\n')).toBeUndefined();
  });
});

describe('what changed', () => {
  const lora = (active: string[], waiting: string[], maxActive: number): LoraInfo => ({
    active: new Set(active),
    waiting: new Set(waiting),
    maxActive,
  });
  const some = lora(['a', 'b'], ['c'], 4);

  it.each([
    ['order', lora(['b', 'a'], ['c'], 4), true],
    ['another name', lora(['a', 'x'], ['c'], 4), false],
    ['a name less', lora(['a'], ['c'], 4), false],
    ['the queue', lora(['a', 'b'], [], 4), false],
    ['the limit', lora(['a', 'b'], ['c'], 5), false],
    ['nothing told', undefined, false],
  ])('%s', (_, other, same) => {
    expect([sameLora(some, other), sameLora(other, some)]).toEqual([same, same]);
  });

  it('an unknown limit stays unknown, and nothing stays nothing', () => {
    expect(sameLora(lora([], [], Number.NaN), lora([], [], Number.NaN))).toBe(true);
    expect(sameLora(undefined, undefined)).toBe(true);
  });
});
