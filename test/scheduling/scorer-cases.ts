import type { PluginInstance } from '../../src/core/plugin.ts';
import type { InferenceRequest } from '../../src/core/request.ts';
import { NO_EDITS } from '../kit/edits.ts';
import { inferenceRequest } from '../kit/plugins.ts';
import { type About, type Fact, place, thousand } from './stage.ts';

/** Values of a scorer that follow from its row of the contract's table 3.4, worked out by hand. */
interface ScorerCase {
  /** The row, which is named after the type. */
  readonly row: string;
  readonly what: string;
  readonly parameters?: object;
  readonly facts: readonly Fact[];
  readonly said?: About;
  /** What happened before. */
  readonly before?: (plugin: PluginInstance<'scorer'>, request: InferenceRequest) => void;
  readonly expected: readonly number[];
}

const waiting = (...queues: number[]): Fact[] => queues.map((queue) => ({ waiting: queue }));
const running = (...batches: number[]): Fact[] => batches.map((batch) => ({ running: batch }));
const requests = (...counts: number[]): Fact[] => counts.map((count) => ({ requests: count }));
const blocks = (...counts: number[]): Fact[] => counts.map((count) => ({ blocks: count }));
const items = (...counts: number[]): Fact[] => counts.map((count) => ({ items: count }));
const range = (text: string): Fact => ({ labels: { 'llm-d.ai/context-length-range': text } });
const tier = (text: string): Fact => ({ labels: { tier: text } });

/** (max - load) / (max - min), for two rows that differ in what is loaded. */
const leastLoad = (row: string, of: (...loads: number[]) => Fact[]): ScorerCase[] => [
  { row, what: 'nobody', facts: [], expected: [] },
  { row, what: 'one', facts: of(4), expected: [1] },
  { row, what: 'all equal', facts: of(5, 5, 5), expected: [1, 1, 1] },
  { row, what: 'a few', facts: of(3, 0, 10), expected: [0.7, 1, 0] },
  { row, what: 'none idle', facts: of(2, 6, 4), expected: [1, 0, 0.5] },
  { row, what: 'a thousand', facts: of(...thousand((i) => i)), expected: thousand((i) => (999 - i) / 999) },
];

/** Cold requests that went to these slots, in this order. */
const coldBefore =
  (...slots: number[]) =>
  (plugin: PluginInstance<'scorer'>): void => {
    for (const slot of slots) {
      const cold = inferenceRequest();
      plugin.score(cold, Uint32Array.of(slot), new Float64Array(1));
      plugin.onPicked?.(cold, { primary: 'default', picks: new Map([['default', Uint32Array.of(slot)]]) }, NO_EDITS);
    }
  };

const tokenLoad = { row: 'token-load-scorer', parameters: { queueThresholdTokens: 1000 } };
const lengthAware = { row: 'context-length-aware', said: { tokens: 500 } };
const byTier = { row: 'header-label-affinity-scorer', parameters: { headerName: 'X-Tier', labelKey: 'tier' } };
const gold = { headers: { 'x-tier': 'gold' } };
const ofLora = { row: 'lora-affinity-scorer' };
const [lower, higher] = ['linear_lower_is_better', 'linear_higher_is_better'];
const byAttribute = (type: string, normalization?: object) => ({
  row: 'endpoint-attribute-scorer',
  parameters: { attributeKey: 'WaitingQueueSize', algorithm: { type, ...(normalization && { normalization }) } },
});
const topology = 'topology-affinity-scorer';
/** w = 1/2, and a full length score for 320 tokens, which are 5 blocks. */
const halfLength = { matchLengthWeight: 0.5, matchLengthScaleTokens: 320 };
const busy = [
  { kvUsage: 0.5, waiting: 4, blocks: 10 },
  { kvUsage: 0.2, waiting: 1, blocks: 0 },
  { kvUsage: 1, waiting: 8, blocks: 5 },
];

export const SCORER_CASES: readonly ScorerCase[] = [
  ...leastLoad('queue-scorer', waiting),
  ...leastLoad('running-requests-size-scorer', running),

  { row: 'kv-cache-utilization-scorer', what: 'nobody', facts: [], expected: [] },
  { row: 'kv-cache-utilization-scorer', what: 'one', facts: [{ kvUsage: 0.25 }], expected: [0.75] },
  {
    row: 'kv-cache-utilization-scorer',
    what: 'a few',
    facts: [{ kvUsage: 0 }, { kvUsage: 0.9 }, { kvUsage: 1 }],
    expected: [1, 0.1, 0],
  },
  {
    row: 'kv-cache-utilization-scorer',
    what: 'a thousand',
    facts: thousand((i) => ({ kvUsage: i / 1000 })),
    expected: thousand((i) => 1 - i / 1000),
  },

  { row: 'load-aware-scorer', what: 'nobody', facts: [], expected: [] },
  { row: 'load-aware-scorer', what: 'one', facts: waiting(32), expected: [0.375] },
  {
    row: 'load-aware-scorer',
    what: 'a few',
    facts: waiting(0, 64, 127, 128, 500),
    expected: [0.5, 0.25, 1 / 256, 0, 0],
  },
  {
    row: 'load-aware-scorer',
    what: 'a threshold of 10',
    parameters: { threshold: 10 },
    facts: waiting(0, 1, 9, 10),
    expected: [0.5, 0.45, 0.05, 0],
  },
  {
    row: 'load-aware-scorer',
    what: 'a threshold of 0, which means 128',
    parameters: { threshold: 0 },
    facts: waiting(64),
    expected: [0.25],
  },
  {
    row: 'load-aware-scorer',
    what: 'a thousand',
    facts: waiting(...thousand((i) => i)),
    expected: thousand((i) => (i < 128 ? 0.5 - i / 256 : 0)),
  },

  { row: 'active-request-scorer', what: 'nobody', facts: [], expected: [] },
  { row: 'active-request-scorer', what: 'one that is idle', facts: requests(0), expected: [1] },
  { row: 'active-request-scorer', what: 'one that is not', facts: requests(5), expected: [0] },
  { row: 'active-request-scorer', what: 'a few', facts: requests(0, 2, 4, 8), expected: [1, 0.75, 0.5, 0] },
  {
    row: 'active-request-scorer',
    what: 'idle up to 2, busy at most 0.5',
    parameters: { idleThreshold: 2, maxBusyScore: 0.5 },
    facts: requests(0, 2, 3, 4, 8),
    expected: [1, 1, 0.3125, 0.25, 0],
  },
  {
    row: 'active-request-scorer',
    what: 'a busy score of 2, which is ignored',
    parameters: { maxBusyScore: 2, idleThreshold: -1 },
    facts: requests(0, 1, 4),
    expected: [1, 0.75, 0],
  },
  {
    row: 'active-request-scorer',
    what: 'a busy score of 0',
    parameters: { maxBusyScore: 0 },
    facts: requests(0, 1, 4),
    expected: [1, 0, 0],
  },
  {
    row: 'active-request-scorer',
    what: 'a thousand',
    facts: requests(...thousand((i) => i)),
    expected: thousand((i) => (999 - i) / 999),
  },

  { ...tokenLoad, what: 'nobody', facts: [], expected: [] },
  { row: 'token-load-scorer', what: 'one, default threshold', facts: [{ tokens: 1_048_576 }], expected: [0.75] },
  {
    ...tokenLoad,
    what: 'a few',
    facts: [
      { tokens: 0, uncached: 0 },
      { tokens: 0, uncached: 50 },
      { tokens: 100, uncached: 400 },
      { tokens: 900, uncached: 100 },
      { tokens: 2000, uncached: 0 },
    ],
    expected: [1, 0.95, 0.5, 0, 0],
  },
  {
    row: 'token-load-scorer',
    what: 'a threshold of 0, which means the default',
    parameters: { queueThresholdTokens: 0 },
    facts: [{ tokens: 2_000_000, uncached: 97_152 }],
    expected: [0.5],
  },
  {
    ...tokenLoad,
    what: 'a thousand',
    facts: thousand((i) => ({ tokens: i, uncached: i })),
    expected: thousand((i) => (i < 500 ? 1 - i / 500 : 0)),
  },

  { row: 'prefix-cache-scorer', what: 'nobody', facts: [], said: { totalBlocks: 10 }, expected: [] },
  { row: 'prefix-cache-scorer', what: 'one', facts: blocks(5), said: { totalBlocks: 10 }, expected: [0.5] },
  { row: 'prefix-cache-scorer', what: 'no info', facts: blocks(5, 5), expected: [0, 0] },
  { row: 'prefix-cache-scorer', what: 'a total of 0', facts: blocks(5, 5), said: { totalBlocks: 0 }, expected: [0, 0] },
  {
    row: 'prefix-cache-scorer',
    what: 'a few',
    facts: blocks(0, 1, 10),
    said: { totalBlocks: 10 },
    expected: [0, 0.1, 1],
  },
  {
    row: 'prefix-cache-scorer',
    what: 'half by length, full from 5 blocks',
    parameters: halfLength,
    facts: blocks(0, 2, 5, 10),
    said: { totalBlocks: 10 },
    expected: [0, 0.08 + 0.1, 0.5 + 0.25, 1],
  },
  {
    row: 'prefix-cache-scorer',
    what: 'all by length, full from 8192 tokens',
    parameters: { matchLengthWeight: 1 },
    facts: blocks(64, 128, 500),
    said: { totalBlocks: 500 },
    expected: [0.25, 1, 1],
  },
  {
    row: 'prefix-cache-scorer',
    what: 'a thousand',
    facts: blocks(...thousand((i) => i)),
    said: { totalBlocks: 1000 },
    expected: thousand((i) => i / 1000),
  },

  { row: 'no-hit-lru-scorer', what: 'nobody', facts: [], expected: [] },
  { row: 'no-hit-lru-scorer', what: 'one', facts: [{}], expected: [1] },
  { row: 'no-hit-lru-scorer', what: 'one that was used', facts: [{}], before: coldBefore(0), expected: [1] },
  {
    row: 'no-hit-lru-scorer',
    what: 'a match somewhere',
    facts: blocks(0, 1, 0),
    said: { totalBlocks: 9 },
    before: coldBefore(2),
    expected: [0.5, 0.5, 0.5],
  },
  {
    row: 'no-hit-lru-scorer',
    what: 'a prompt nobody has, nobody used',
    facts: blocks(0, 0, 0, 0),
    said: { totalBlocks: 9 },
    expected: [1, 2 / 3, 1 / 3, 0],
  },
  {
    row: 'no-hit-lru-scorer',
    what: 'two never used, then the others by age',
    facts: [{}, {}, {}, {}, {}],
    before: coldBefore(0, 2, 3, 0),
    // Never used 1 and 4, then 2, 3 and 0.
    expected: [0, 1, 0.5, 0.25, 0.75],
  },
  {
    row: 'no-hit-lru-scorer',
    what: 'more used than are remembered: the oldest counts as never used',
    parameters: { lruSize: 2 },
    facts: [{}, {}, {}],
    before: coldBefore(2, 1, 0),
    expected: [0, 0.5, 1],
  },
  {
    row: 'no-hit-lru-scorer',
    what: 'a thousand',
    facts: thousand(() => ({})),
    before: coldBefore(0, 1),
    expected: thousand((i) => 1 - (i < 2 ? 998 + i : i - 2) / 999),
  },

  { row: 'mm-embeddings-cache-scorer', what: 'nobody', facts: [], said: { totalItems: 3 }, expected: [] },
  { row: 'mm-embeddings-cache-scorer', what: 'one', facts: items(1), said: { totalItems: 2 }, expected: [0.5] },
  { row: 'mm-embeddings-cache-scorer', what: 'no media', facts: items(1, 1), expected: [0, 0] },
  {
    row: 'mm-embeddings-cache-scorer',
    what: 'a few',
    facts: items(0, 1, 3),
    said: { totalItems: 3 },
    expected: [0, 1 / 3, 1],
  },
  {
    row: 'mm-embeddings-cache-scorer',
    what: 'a thousand',
    facts: items(...thousand((i) => i % 5)),
    said: { totalItems: 4 },
    expected: thousand((i) => (i % 5) / 4),
  },

  { ...lengthAware, what: 'nobody', facts: [], expected: [] },
  { ...lengthAware, what: 'one', facts: [range('0-1000')], expected: [0.3 + 0.7 * (0.7 / 1.1 + 0.3 * 0.5)] },
  {
    ...lengthAware,
    what: 'in range, at its ends',
    facts: [range('500-500'), range('500-10500'), range('0-500'), range('0-10000')],
    expected: [1, 0.3 + 0.7 * (0.35 + 0.3), 0.3 + 0.7 * (0.7 / 1.05), 0.3 + 0.7 * (0.35 + 0.3 * 0.95)],
  },
  {
    ...lengthAware,
    what: 'out of range, without a label, with a bad one',
    facts: [range('0-499'), range('1500-2000'), {}, range('9-1'), range('many'), range('')],
    expected: [0.3 / 1.001, 0.15, 0.5, 0, 0, 0],
  },
  {
    ...lengthAware,
    what: 'a thousand',
    facts: thousand((i) => range(`${i}-${i + 10_000}`)),
    expected: thousand((i) =>
      i <= 500 ? 0.3 + 0.7 * (0.35 + (0.3 * (9500 + i)) / 10_000) : 0.3 / (1 + (i - 500) / 1000),
    ),
  },

  { row: 'latency-scorer', what: 'nobody', facts: [], expected: [] },
  {
    row: 'latency-scorer',
    what: 'one: no queue, half a cache, half a prompt',
    facts: [{ kvUsage: 0.5, blocks: 5 }],
    said: { totalBlocks: 10 },
    // (0.5 + 1 + 0.5) / 3
    expected: [0.67],
  },
  {
    row: 'latency-scorer',
    what: 'a few',
    facts: busy,
    said: { totalBlocks: 10 },
    // (0.5 + 4/8 + 1) / 3, (0.8 + 7/8 + 0) / 3, (0 + 0 + 0.5) / 3
    expected: [0.67, 0.56, 0.17],
  },
  {
    row: 'latency-scorer',
    what: 'weights of 2, 1 and 1',
    parameters: { compositeKVWeight: 2 },
    facts: busy,
    said: { totalBlocks: 10 },
    // 0.25 + 0.125 + 0.25, 0.4 + 7/32, 0.125
    expected: [0.63, 0.62, 0.13],
  },
  {
    row: 'latency-scorer',
    what: 'no weights, which leaves the cache',
    parameters: { compositeKVWeight: 0, compositeQueueWeight: 0, compositePrefixWeight: 0 },
    facts: busy,
    said: { totalBlocks: 10 },
    expected: [0.5, 0.8, 0],
  },
  { row: 'latency-scorer', what: 'no match info', facts: busy, expected: [0.33, 0.56, 0] },
  {
    row: 'latency-scorer',
    what: 'a thousand',
    parameters: { compositeKVWeight: 0, compositePrefixWeight: 0 },
    facts: waiting(...thousand((i) => i)),
    expected: thousand((i) => Math.round((100 * (999 - i)) / 999) / 100),
  },

  { ...byTier, what: 'nobody', facts: [], said: gold, expected: [] },
  { ...byTier, what: 'one', facts: [tier('gold')], said: gold, expected: [1] },
  { ...byTier, what: 'a few', facts: [tier('gold'), tier('Gold'), {}, tier('')], said: gold, expected: [1, 0, 0, 0] },
  { ...byTier, what: 'no header', facts: [tier('gold'), tier('')], expected: [0, 0] },
  { ...byTier, what: 'an empty header', facts: [tier('')], said: { headers: { 'x-tier': '' } }, expected: [0] },
  {
    ...byTier,
    what: 'a thousand',
    facts: thousand((i) => tier(i % 3 === 0 ? 'gold' : 'tin')),
    said: gold,
    expected: thousand((i) => (i % 3 === 0 ? 1 : 0)),
  },

  { ...ofLora, what: 'nobody', facts: [], expected: [] },
  { ...ofLora, what: 'one that has it', facts: [{ lora: { active: ['m'], maxActive: 1 } }], expected: [1] },
  {
    ...ofLora,
    what: 'active, active and full, room, waiting without room, full',
    facts: [
      { lora: { active: ['m'], maxActive: 4 } },
      { lora: { active: ['a', 'm'], waiting: ['b'], maxActive: 2 } },
      { lora: { active: ['a'], waiting: ['b'], maxActive: 3 } },
      { lora: { active: ['a'], waiting: ['m'], maxActive: 2 } },
      { lora: { active: ['a'], waiting: ['b'], maxActive: 2 } },
      { lora: { active: [], waiting: ['m'], maxActive: 2 } },
      { lora: { maxActive: 0 } },
    ],
    expected: [1, 1, 0.8, 0.6, 0, 0.8, 0],
  },
  {
    ...ofLora,
    what: 'adapters in both lists count once',
    facts: [{ lora: { active: ['a', 'b'], waiting: ['a', 'b'], maxActive: 3 } }],
    expected: [0.8],
  },
  {
    ...ofLora,
    what: 'servers that tell nothing, or not how many fit',
    facts: [{}, { lora: { active: ['a'] } }, { lora: { waiting: ['m'] } }, { lora: { active: ['m'] } }, {}],
    expected: [0.5, 0.5, 0.6, 1, 0.5],
  },
  {
    ...ofLora,
    what: 'a thousand',
    facts: thousand((i) => ({ lora: { active: i % 10 === 0 ? ['m'] : ['a', 'b'], maxActive: 2 + (i % 2) } })),
    expected: thousand((i) => (i % 10 === 0 ? 1 : i % 2 === 1 ? 0.8 : 0)),
  },

  { ...byAttribute(lower), what: 'nobody', facts: [], expected: [] },
  { ...byAttribute(lower), what: 'one', facts: waiting(4), expected: [1] },
  { ...byAttribute(lower), what: 'all equal', facts: waiting(4, 4), expected: [1, 1] },
  { ...byAttribute(lower), what: 'a few', facts: waiting(3, 0, 10, Number.NaN), expected: [0.7, 1, 0, 0.5] },
  {
    ...byAttribute(higher, { adaptiveRange: {} }),
    what: 'a few, higher is better',
    facts: waiting(3, 0, 10, Number.NaN),
    expected: [0.3, 0, 1, 0.5],
  },
  {
    ...byAttribute(lower, { fixedRange: { min: 2, max: 10 } }),
    what: 'a range, clamped',
    facts: waiting(0, 2, 4, 10, 11, Number.NaN),
    expected: [1, 1, 0.75, 0, 0, 0.5],
  },
  {
    ...byAttribute(higher, { fixedRange: { max: 8 } }),
    what: 'a range from 0, higher is better',
    facts: waiting(0, 2, 8, 9, Number.NaN),
    expected: [0, 0.25, 1, 1, 0.5],
  },
  {
    ...byAttribute(lower),
    what: 'a thousand',
    facts: waiting(...thousand((i) => i)),
    expected: thousand((i) => (999 - i) / 999),
  },

  { row: topology, what: 'nobody', facts: [], said: { peer: 0 }, expected: [] },
  { row: topology, what: 'one: the peer itself', facts: [place('h1', 'r1')], said: { peer: 0 }, expected: [1] },
  {
    row: topology,
    what: 'host, rack, zone, region, elsewhere, unknown',
    facts: [
      place('h1', 'r1', 'z1', 'g1'),
      place('h1', 'r2', 'z2', 'g2'),
      place('h2', 'r1', 'z1', 'g1'),
      place('h2', 'r2', 'z1', 'g1'),
      place('h2', 'r2', 'z2', 'g1'),
      place('h2', 'r2', 'z2', 'g2'),
      {},
    ],
    said: { peer: 0 },
    expected: [1, 1, 0.2, 0.05, 0.02, 0, 0],
  },
  { row: topology, what: 'no peer', facts: [place('h1'), place('h1')], expected: [0, 0] },
  {
    row: topology,
    what: 'a peer nobody knows the place of',
    facts: [{}, {}, place('h1')],
    said: { peer: 0 },
    expected: [0, 0, 0],
  },
  {
    row: topology,
    what: 'a thousand',
    facts: thousand((i) => place(`h${i >> 3}`, `r${i >> 5}`, i < 500 ? 'z1' : 'z2')),
    said: { peer: 0 },
    expected: thousand((i) => (i < 8 ? 1 : i < 32 ? 0.2 : i < 500 ? 0.05 : 0)),
  },
];
