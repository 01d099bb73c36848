import type { EndpointTable } from '../../../src/datastore/endpoint-table.ts';
import { seededRandom } from '../../../src/lib/random.ts';
import { idlePool, scraped, tellLora } from '../../kit/pool.ts';

/** Endpoints under uneven load, a third of them for prefill, eight on a host, one in fifty never scraped. */
export function busyPool(size: number): EndpointTable {
  const random = seededRandom(1);
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
