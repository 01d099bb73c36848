import { type About, type Fact, place, thousand } from './stage.ts';

/** Whom a filter keeps by its row of the contract's table 3.3, worked out by hand. */
interface FilterCase {
  /** The row, which is named after the type. */
  readonly row: string;
  readonly what: string;
  readonly parameters?: object;
  readonly facts: readonly Fact[];
  readonly said?: About;
  /** Indices of the facts. */
  readonly expected: readonly number[];
}

const role = (text: string): Fact => ({ labels: { 'llm-d.ai/role': text } });
const ROLES = [
  role('decode'),
  role('prefill'),
  role('encode'),
  role('prefill-decode'),
  role('both'),
  role('encode-prefill'),
  role('encode-prefill-decode'),
  role('Decode'),
  role(''),
  {},
];

/** By role: whom it keeps of `ROLES`; a thousand are those over and over again. */
function byRole(row: string, keeps: readonly number[]): FilterCase[] {
  return [
    { row, what: 'nobody', facts: [], expected: [] },
    { row, what: 'one it keeps', facts: [ROLES[keeps[0]]], expected: [0] },
    { row, what: 'one it does not', facts: [role('other')], expected: [] },
    { row, what: 'every role', facts: ROLES, expected: keeps },
    {
      row,
      what: 'a thousand',
      facts: thousand((i) => ROLES[i % 10]),
      expected: thousand((i) => i).filter((i) => keeps.includes(i % 10)),
    },
  ];
}

const zone = (text: string): Fact => ({ labels: { zone: text } });
const everyOther = thousand((i) => i).filter((i) => i % 2 === 0);
const all = thousand((i) => i);

const selector = 'label-selector-filter';
const select = (operator: string, ...values: string[]) => ({
  matchExpressions: [{ key: 'zone', operator, ...(values.length > 0 && { values }) }],
});
const ZONES = [zone('a'), zone('b'), zone('c'), {}];

const label = { row: 'by-label', parameters: { label: 'zone', validValues: ['a', 'b'] } };

/** 80 % of 10 blocks make a holder. */
const affinity = { row: 'prefix-cache-affinity-filter', said: { totalBlocks: 10 } };
/** 18 s at 15,928 tokens a second. */
const PENALTY = 286_704;

const caps = {
  row: 'utilization-filter',
  parameters: {
    conditions: [
      { metric: 'active-requests', maxValue: 4 },
      { metric: 'running-requests', maxValue: 3 },
      { metric: 'waiting-queue', maxValue: 2 },
      { metric: 'kv-cache-utilization', maxValue: 0.5 },
    ],
  },
};

const compare = (operator: string, value: number, more: object = {}) => ({
  row: 'endpoint-attribute-filter',
  parameters: {
    attribute: 'WaitingQueueSize',
    algorithm: { type: 'threshold', threshold: { operator, value } },
    ...more,
  },
});
const queues = (...lengths_: number[]): Fact[] => lengths_.map((waiting) => ({ waiting }));
const FIVES = queues(4, 5, 6, Number.NaN);

const near = (minAffinity?: string) => ({ row: 'topology-affinity-filter', parameters: { minAffinity } });
/** Near the first on its host, in its rack, zone and region, nowhere near, and where nobody knows. */
const PLACES = [
  place('h1', 'r1', 'z1', 'g1'),
  place('h1', 'r2', 'z2', 'g2'),
  place('h2', 'r1', 'z1', 'g1'),
  place('h2', 'r2', 'z1', 'g1'),
  place('h2', 'r2', 'z2', 'g1'),
  place('h2', 'r2', 'z2', 'g2'),
  {},
];

const testing = 'header-based-testing-filter';
const naming = (list: string): About => ({ headers: { 'test-epp-endpoint-selection': list } });
const at = (address: string, port: number): Fact => ({ address, port });
const PORTS = [at('10.0.0.1', 8000), at('10.0.0.1', 8001), at('10.0.0.2', 8000), at('fd00::1', 3000)];

const lengths = { row: 'context-length-aware', parameters: { enableFiltering: true }, said: { tokens: 500 } };
const range = (text: string): Fact => ({ labels: { 'llm-d.ai/context-length-range': text } });

const utilization = 'utilization-detector';
const concurrency = 'concurrency-detector';

export const FILTER_CASES: readonly FilterCase[] = [
  ...byRole('decode-filter', [0, 3, 4, 6, 9]),
  ...byRole('prefill-filter', [1, 3, 4, 5, 6]),
  ...byRole('encode-filter', [2, 5, 6]),

  { row: selector, what: 'nobody', parameters: select('Exists'), facts: [], expected: [] },
  { row: selector, what: 'one', parameters: select('In', 'a'), facts: [zone('a')], expected: [0] },
  { row: selector, what: 'no parameters', facts: ZONES, expected: [0, 1, 2, 3] },
  { row: selector, what: 'a label', parameters: { matchLabels: { zone: 'b' } }, facts: ZONES, expected: [1] },
  { row: selector, what: 'In', parameters: select('In', 'a', 'c'), facts: ZONES, expected: [0, 2] },
  { row: selector, what: 'NotIn, absent too', parameters: select('NotIn', 'a', 'c'), facts: ZONES, expected: [1, 3] },
  { row: selector, what: 'Exists', parameters: select('Exists'), facts: ZONES, expected: [0, 1, 2] },
  { row: selector, what: 'DoesNotExist', parameters: select('DoesNotExist'), facts: ZONES, expected: [3] },
  {
    row: selector,
    what: 'labels and expressions, all of them',
    parameters: { matchLabels: { zone: 'a' }, matchExpressions: [{ key: 'gpu', operator: 'Exists' }] },
    facts: [zone('a'), { labels: { zone: 'a', gpu: '' } }, { labels: { zone: 'b', gpu: 'x' } }],
    expected: [1],
  },
  {
    row: selector,
    what: 'a thousand',
    parameters: select('In', 'even'),
    facts: thousand((i) => zone(i % 2 === 0 ? 'even' : 'odd')),
    expected: everyOther,
  },

  { ...label, what: 'nobody', facts: [], expected: [] },
  { ...label, what: 'one', facts: [zone('b')], expected: [0] },
  { ...label, what: 'a few', facts: ZONES, expected: [0, 1] },
  {
    row: 'by-label',
    what: 'without the label too',
    parameters: { label: 'zone', validValues: ['a'], allowsNoLabel: true },
    facts: ZONES,
    expected: [0, 3],
  },
  {
    row: 'by-label',
    what: 'without the label only',
    parameters: { label: 'zone', allowsNoLabel: true },
    facts: ZONES,
    expected: [3],
  },
  { ...label, what: 'a thousand', facts: thousand((i) => zone(i % 2 === 0 ? 'a' : 'x')), expected: everyOther },

  { ...affinity, what: 'nobody', facts: [], expected: [] },
  { ...affinity, what: 'one', facts: [{ blocks: 0 }], expected: [0] },
  {
    ...affinity,
    what: 'holders from 8 of 10 blocks',
    facts: [{ blocks: 7 }, { blocks: 8 }, { blocks: 10 }],
    expected: [1, 2],
  },
  { ...affinity, what: 'no holder', facts: [{ blocks: 7 }, { blocks: 7 }], expected: [0, 1] },
  { row: 'prefix-cache-affinity-filter', what: 'no match info', facts: [{}, {}], expected: [0, 1] },
  {
    ...affinity,
    what: 'a threshold of 0',
    parameters: { affinityThreshold: 0 },
    facts: [{ blocks: 10 }, {}],
    expected: [0, 1],
  },
  {
    ...affinity,
    what: 'the best holder 18 s behind the best other',
    facts: [{ blocks: 9, tokens: PENALTY + 5 }, { blocks: 9, tokens: PENALTY + 9 }, { tokens: 5 }, { tokens: 50 }],
    expected: [0, 1],
  },
  {
    ...affinity,
    what: 'the best holder later than that',
    facts: [{ blocks: 9, tokens: PENALTY + 6 }, { blocks: 9, tokens: PENALTY + 9 }, { tokens: 5 }, { tokens: 50 }],
    expected: [0, 1, 2, 3],
  },
  {
    ...affinity,
    what: 'no penalty is too much when it is 0',
    parameters: { maxTTFTPenaltyMs: 0 },
    facts: [{ blocks: 9, tokens: 1e12 }, {}],
    expected: [0],
  },
  {
    ...affinity,
    what: 'holders only, however busy',
    facts: [{ blocks: 9, tokens: 1e12 }, { blocks: 9 }],
    expected: [0, 1],
  },
  { ...affinity, what: 'a thousand', facts: thousand((i) => ({ blocks: i % 2 === 0 ? 8 : 7 })), expected: everyOther },

  { ...caps, what: 'nobody', facts: [], expected: [] },
  {
    ...caps,
    what: 'one at every limit',
    facts: [{ requests: 4, running: 3, waiting: 2, kvUsage: 0.5 }],
    expected: [0],
  },
  {
    ...caps,
    what: 'each limit passed',
    facts: [{ requests: 5 }, { running: 4 }, { waiting: 3 }, { kvUsage: 0.51 }, {}],
    expected: [4],
  },
  { ...caps, what: 'every endpoint over', facts: [{ waiting: 3 }, { waiting: 9 }], expected: [] },
  {
    row: 'utilization-filter',
    what: 'every endpoint over, and a fallback',
    parameters: { ...caps.parameters, fallbackOnEmpty: true },
    facts: [{ waiting: 3 }, { waiting: 9 }],
    expected: [0, 1],
  },
  { ...caps, what: 'a thousand', facts: thousand((i) => ({ waiting: i })), expected: [0, 1, 2] },

  { ...compare('LessThan', 5), what: 'nobody', facts: [], expected: [] },
  { ...compare('LessThan', 5), what: 'one', facts: queues(4), expected: [0] },
  { ...compare('LessThan', 5), what: 'LessThan', facts: FIVES, expected: [0, 3] },
  { ...compare('LessThanOrEqual', 5), what: 'LessThanOrEqual', facts: FIVES, expected: [0, 1, 3] },
  { ...compare('GreaterThan', 5), what: 'GreaterThan', facts: FIVES, expected: [2, 3] },
  { ...compare('GreaterThanOrEqual', 5), what: 'GreaterThanOrEqual', facts: FIVES, expected: [1, 2, 3] },
  { ...compare('Equal', 5), what: 'Equal', facts: FIVES, expected: [1, 3] },
  { ...compare('NotEqual', 5), what: 'NotEqual', facts: FIVES, expected: [0, 2, 3] },
  { ...compare('LessThan', 5, { onMissing: 'Fail' }), what: 'a missing one fails', facts: FIVES, expected: [0] },
  { ...compare('LessThan', 5, { onMissing: '' }), what: 'a missing one passes', facts: FIVES, expected: [0, 3] },
  { ...compare('LessThan', 5), what: 'none', facts: queues(5, 6), expected: [] },
  {
    ...compare('LessThan', 5, { fallbackOnEmpty: true }),
    what: 'none, and a fallback',
    facts: queues(5, 6),
    expected: [0, 1],
  },
  { ...compare('LessThan', 5), what: 'a thousand', facts: queues(...all), expected: [0, 1, 2, 3, 4] },

  { ...near(), what: 'nobody', facts: [], said: { peer: 0 }, expected: [] },
  { ...near(), what: 'one that is nowhere', facts: [{}], said: { peer: 0 }, expected: [0] },
  { ...near(), what: 'host by default', facts: PLACES, said: { peer: 0 }, expected: [0, 1] },
  { ...near(''), what: 'host where it is empty', facts: PLACES, said: { peer: 0 }, expected: [0, 1] },
  { ...near('rack'), what: 'rack', facts: PLACES, said: { peer: 0 }, expected: [0, 1, 2] },
  { ...near('zone'), what: 'zone', facts: PLACES, said: { peer: 0 }, expected: [0, 1, 2, 3] },
  { ...near('region'), what: 'region', facts: PLACES, said: { peer: 0 }, expected: [0, 1, 2, 3, 4] },
  { ...near(), what: 'no peer: fail-open', facts: PLACES, expected: [0, 1, 2, 3, 4, 5, 6] },
  {
    ...near(),
    what: 'a peer of unknown place: fail-open',
    facts: PLACES,
    said: { peer: 6 },
    expected: [0, 1, 2, 3, 4, 5, 6],
  },
  {
    ...near(),
    what: 'a thousand',
    facts: thousand((i) => place(`h${i >> 3}`)),
    said: { peer: 17 },
    expected: all.slice(16, 24),
  },

  { row: testing, what: 'nobody', facts: [], said: naming('10.0.0.1'), expected: [] },
  { row: testing, what: 'one', facts: [PORTS[2]], said: naming('10.0.0.2:8000'), expected: [0] },
  { row: testing, what: 'no header', facts: PORTS, expected: [] },
  { row: testing, what: 'an empty header', facts: PORTS, said: naming(' '), expected: [] },
  { row: testing, what: 'one for each IP', facts: PORTS, said: naming('10.0.0.2, 10.0.0.1'), expected: [0, 2] },
  { row: testing, what: 'the port that is named', facts: PORTS, said: naming('10.0.0.1:8001'), expected: [1] },
  {
    row: testing,
    what: 'the one named first',
    facts: PORTS,
    said: naming('10.0.0.1:9,10.0.0.1:8001,10.0.0.1'),
    expected: [1],
  },
  {
    row: testing,
    what: 'the one named first, named twice',
    facts: PORTS,
    said: naming('10.0.0.1:8001,10.0.0.1:8000,10.0.0.1:8001'),
    expected: [1],
  },
  { row: testing, what: 'IPv6', facts: PORTS, said: naming('[fd00::1]:3000'), expected: [3] },
  { row: testing, what: 'IPv6 without a port', facts: PORTS, said: naming('[fd00::1],10.9.9.9'), expected: [3] },
  { row: testing, what: 'IPv6 without brackets', facts: PORTS, said: naming('fd00::1'), expected: [3] },
  {
    row: testing,
    what: 'a thousand on ten IPs',
    facts: thousand((i) => at(`10.0.0.${i % 10}`, 8000 + Math.floor(i / 10))),
    said: naming('10.0.0.3,10.0.0.4:8099,10.0.0.5:1'),
    expected: [3, 994],
  },

  { ...lengths, what: 'nobody', facts: [], expected: [] },
  { ...lengths, what: 'one out of range', facts: [range('0-499')], expected: [] },
  {
    ...lengths,
    what: 'a few',
    facts: [range('0-499'), range('0-500'), range('500-900'), range('501-900'), {}, range('9-1'), range('x')],
    expected: [1, 2, 4],
  },
  {
    row: 'context-length-aware',
    what: 'only with enableFiltering',
    facts: [range('0-1'), range('x')],
    said: { tokens: 500 },
    expected: [0, 1],
  },
  {
    ...lengths,
    what: 'a thousand',
    facts: thousand((i) => range(`${i}-${i + 100}`)),
    expected: all.slice(400, 501),
  },

  { row: utilization, what: 'nobody', facts: [], expected: [] },
  { row: utilization, what: 'one that is full: fail-open', facts: [{ waiting: 50 }], expected: [0] },
  {
    row: utilization,
    what: 'below both thresholds',
    facts: [{ waiting: 4, kvUsage: 0.79 }, { waiting: 5 }, { kvUsage: 0.8 }, {}],
    expected: [0, 3],
  },
  {
    row: utilization,
    what: 'with a headroom of a fifth: below 6 and 0.96',
    parameters: { headroom: 0.2 },
    facts: [{ waiting: 5, kvUsage: 0.95 }, { waiting: 6 }, { kvUsage: 0.97 }],
    expected: [0],
  },
  { row: utilization, what: 'a thousand', facts: thousand((i) => ({ waiting: i })), expected: [0, 1, 2, 3, 4] },

  { row: concurrency, what: 'nobody', facts: [], expected: [] },
  { row: concurrency, what: 'one that is full: fail-closed', facts: [{ requests: 100 }], expected: [] },
  { row: concurrency, what: 'requests', facts: [{ requests: 99, tokens: 1e9 }, { requests: 100 }], expected: [0] },
  {
    row: concurrency,
    what: 'requests with headroom: floor(10 * 1.25) is 12',
    parameters: { maxConcurrency: 10, headroom: 0.25 },
    facts: [{ requests: 11 }, { requests: 12 }],
    expected: [0],
  },
  {
    row: concurrency,
    what: 'tokens',
    parameters: { concurrencyMode: 'tokens' },
    facts: [{ requests: 500, tokens: 999_999 }, { tokens: 1_000_000 }],
    expected: [0],
  },
  {
    row: concurrency,
    what: 'either, in hybrid mode',
    parameters: { concurrencyMode: 'hybrid', maxTokenConcurrency: 1000 },
    facts: [{ requests: 99, tokens: 999 }, { requests: 100 }, { tokens: 1000 }],
    expected: [0],
  },
  { row: concurrency, what: 'a thousand', facts: thousand((i) => ({ requests: i })), expected: all.slice(0, 100) },
];
