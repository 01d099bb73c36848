import type { Clock } from '../../src/core/clock.ts';
import { DEFAULT_HEALTH, type HealthSettings } from '../../src/core/health.ts';
import type { Random } from '../../src/core/random.ts';
import type { EndpointTable } from '../../src/datastore/endpoint-table.ts';
import { HealthBook, type HealthListener } from '../../src/datastore/health-book.ts';
import { seededRandom } from '../../src/lib/random.ts';

/** A health book that follows a pool, whose present endpoints are warm. */
export function healthBook(
  pool: EndpointTable,
  clock: Clock,
  settings: Partial<HealthSettings> = {},
  { onChange = () => {}, random = seededRandom(1) }: { onChange?: HealthListener; random?: Random } = {},
): HealthBook {
  const health = new HealthBook({
    endpoints: pool,
    clock,
    random,
    settings: { ...DEFAULT_HEALTH, ...settings },
    onChange,
  });
  for (const slot of pool.all) {
    const endpoint = pool.at(slot);
    if (endpoint !== undefined) health.added(endpoint, true);
  }
  pool.listen({ added: (endpoint) => health.added(endpoint, false), removed: (endpoint) => health.removed(endpoint) });
  return health;
}
