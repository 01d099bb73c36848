// What one decision costs, by the size of the pool.
//   node test/bench/decision.ts [filter]
// "schedule" is filters, scorers and picker; "all of it" adds producers and what plugins note down after the pick.
// Bytes are what the JavaScript heap gave out in a schedule; typed arrays over 64 bytes are outside of it.
// Profiles whose name contains the filter run. Prompts are 1.5 kB, of 400 chats, three quarters of them seen before.
import { getHeapStatistics } from 'node:v8';
import { Rejection } from '../../src/core/errors.ts';
import type { Follower } from '../../src/core/hooks.ts';
import { hasRole, type PluginDefinition } from '../../src/core/plugin.ts';
import type { InferenceRequest } from '../../src/core/request.ts';
import type { EndpointTable } from '../../src/datastore/endpoint-table.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { PLUGINS } from '../../src/plugins/catalog.ts';
import type { Scheduler } from '../../src/scheduling/scheduler.ts';
import { NO_EDITS } from '../kit/edits.ts';
import { headersOf } from '../kit/headers.ts';
import { idlePool, scraped, tellLora } from '../kit/pool.ts';
import { inferenceRequest } from '../kit/plugins.ts';
import { DEFAULT_PROFILE, type ProfileParts, schedulerOf } from '../kit/scheduler.ts';

const WARM_UP = 4000;
const CALLS = 4000;
const filter = process.argv[2] ?? '';
const random = seededRandom(1);

/** Filters that leave a part of the pool below to the scorers. */
const FILTERS = [
  'decode-filter',
  'label-selector-filter',
  'context-length-aware',
  'endpoint-attribute-filter',
  'utilization-filter',
  'utilization-detector',
  'concurrency-detector',
];
const everyScorer = PLUGINS.filter((each) => hasRole(each, 'scorer')).map((plugin) => ({ plugin, weight: 1 }));
const said = {
  media: { itemsBySlot: Uint32Array.from({ length: 1024 }, (_, i) => i % 3), totalItems: 2 },
  peer: 0,
};
const withFilters = { scorers: everyScorer, said, filters: FILTERS.map(definitionOf), fallbacks: 2 };

const PROFILES: readonly (readonly [name: string, parts: ProfileParts])[] = [
  ['default profile', { ...DEFAULT_PROFILE, fallbacks: 2 }],
  [`every scorer (${everyScorer.length})`, { scorers: everyScorer, said, fallbacks: 2 }],
  [`every scorer, ${FILTERS.length} filters`, withFilters],
  ...everyScorer.map(({ plugin }) => [plugin.type, { scorers: [{ plugin, weight: 1 }], said }] as const),
];

function definitionOf(type: string): PluginDefinition {
  const definition = PLUGINS.find((each) => each.type === type);
  if (definition === undefined) throw new Error(`no plugin is of type ${type}`);
  return definition;
}

/** Endpoints under uneven load, a third of them for prefill, eight on a host, one in fifty never scraped. */
function busyPool(size: number): EndpointTable {
  const pool = idlePool(size, (i) => ({
    labels: {
      'llm-d.ai/role': ['decode', 'both', 'prefill'][i % 3],
      'llm-d.ai/context-length-range': ['0-2048', '2048-32768'][i % 2],
      tier: ['gold', 'tin'][i % 2],
      'kubernetes.io/hostname': `host-${i >> 3}`,
      'topology.kubernetes.io/zone': `zone-${i % 5}`,
    },
  }));
  for (const slot of pool.all) {
    const unknown = slot % 50 === 7 ? Number.NaN : 0;
    const [waiting, running, kvUsage] = [random.below(8), random.below(100), random.next()];
    scraped(pool, slot, { waiting: waiting + unknown, running: running + unknown, kvUsage: kvUsage + unknown });
    const adapters = [`lora-${slot % 7}`, slot % 3 === 0 ? 'm' : 'other'];
    if (unknown === 0) tellLora(pool, slot, { active: adapters, waiting: adapters, maxActive: 2 + (slot % 2) });
  }
  return pool;
}

const headers = headersOf({ 'x-tier': 'gold' });
const known = Array.from({ length: 400 }, (_, chat) => `chat ${chat} `.repeat(150).slice(0, 1500));

function requestOf(call: number): InferenceRequest {
  const prompt = call % 4 === 0 ? `new ${call} `.repeat(150).slice(0, 1500) : known[call % known.length];
  return inferenceRequest({ headers, data: [] }, [prompt]);
}

interface Cost {
  readonly scheduleUs: Float64Array;
  readonly wholeUs: Float64Array;
  readonly bytes: number;
}

function measure(scheduler: Scheduler, pool: EndpointTable): Cost {
  const scheduleUs = new Float64Array(CALLS);
  const wholeUs = new Float64Array(CALLS);
  const requests = Array.from({ length: WARM_UP + CALLS }, (_, call) => requestOf(call));
  // Every second endpoint has a request, the longest one there ends with every decision.
  const open: (readonly Follower[])[] = [];
  const decide = (request: InferenceRequest): number => {
    void scheduler.produce(request, pool.all);
    const before = performance.now();
    const schedule = scheduler.schedule(request, pool.all);
    const took = performance.now() - before;
    if (schedule instanceof Rejection) throw new Error(schedule.message);
    open.push(scheduler.picked(request, schedule, NO_EDITS) ?? []);
    if (open.length > pool.all.length / 2) for (const follower of open.shift() ?? []) follower.onEnd?.('complete');
    return took;
  };
  for (let i = 0; i < WARM_UP; i++) decide(requests[i]);
  for (let i = 0; i < CALLS; i++) {
    const before = performance.now();
    scheduleUs[i] = decide(requests[WARM_UP + i]) * 1000;
    wholeUs[i] = (performance.now() - before) * 1000;
  }
  const [request] = requests;
  void scheduler.produce(request, pool.all);
  const before = getHeapStatistics().total_allocated_bytes;
  for (let i = 0; i < CALLS; i++) scheduler.schedule(request, pool.all);
  const bytes = (getHeapStatistics().total_allocated_bytes - before) / CALLS;
  return { scheduleUs: scheduleUs.sort(), wholeUs: wholeUs.sort(), bytes };
}

function us(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 0).padStart(6)} us`;
}

process.stdout.write(`${''.padEnd(32)} endpoints  schedule     p99  all of it     p99   bytes\n`);
for (const [name, parts] of PROFILES) {
  if (!name.includes(filter)) continue;
  for (const size of [8, 100, 1000]) {
    const pool = busyPool(size);
    const { scheduleUs, wholeUs, bytes } = measure(schedulerOf(pool, parts), pool);
    const at = (times: Float64Array, share: number): string => us(times[Math.floor(CALLS * share)]);
    const row = [at(scheduleUs, 0.5), at(scheduleUs, 0.99), at(wholeUs, 0.5), at(wholeUs, 0.99)].join(' ');
    process.stdout.write(`${name.padEnd(32)} ${String(size).padStart(9)} ${row} ${bytes.toFixed(0).padStart(7)}\n`);
  }
}
