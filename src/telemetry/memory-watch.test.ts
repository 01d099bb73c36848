import { expect, it } from 'vitest';
import { manualClock } from '../../test/kit/clock.ts';
import { createLog } from './log.ts';
import { MemoryWatch } from './memory-watch.ts';
import { Metrics } from './metrics.ts';

it('memory near its limit is told, once a minute and by kind', async () => {
  const clock = manualClock();
  const metrics = new Metrics({ processMetrics: false });
  const lines: Record<string, unknown>[] = [];
  const log = createLog('warn', { write: (line) => void lines.push(JSON.parse(line)) });
  const used = { heap: 899, process: 100 };
  const watch = new MemoryWatch({
    memories: [
      { kind: 'heap', limitBytes: 1000, usedBytes: () => used.heap },
      { kind: 'process', limitBytes: 4000, usedBytes: () => used.process },
    ],
    clock,
    metrics,
    log,
  });
  const looks = (): unknown[] => {
    lines.length = 0;
    watch.look();
    return lines.map(({ kind, usedBytes, limitBytes }) => [kind, usedBytes, limitBytes]);
  };
  expect(looks()).toEqual([]);
  used.heap = 900;
  expect(looks()).toEqual([['heap', 900, 1000]]);
  used.process = 4000;
  expect(looks()).toEqual([['process', 4000, 4000]]);
  clock.advance(59_999);
  expect(looks()).toEqual([]);
  clock.advance(1);
  expect(looks()).toHaveLength(2);
  expect((await metrics.registry.metrics()).split('\n').filter((line) => line.includes('memory_limit_bytes{'))).toEqual(
    ['llm_d_epp_memory_limit_bytes{kind="heap"} 1000', 'llm_d_epp_memory_limit_bytes{kind="process"} 4000'],
  );
});
