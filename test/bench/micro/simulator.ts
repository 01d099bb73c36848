// What simulated servers cost: 16 of them in this process, 200 streams from another one, closed loop.
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startModelServer } from '../../../src/simulator/model-server.ts';
import type { MicroCase } from '../harness.ts';

const SERVERS = 16;
const STREAMS = 200;
const WARM_UP_MS = 3000;
const MEASURED_MS = 5000;

export const simulator: MicroCase = {
  name: 'simulator',
  async *run({ quick }) {
    const servers = await Promise.all(
      Array.from({ length: SERVERS }, (_, index) => startModelServer({ name: `sim-${index}` })),
    );
    const load = [String(STREAMS), servers.map(({ url }) => url).join(',')];
    const client = fork(join(import.meta.dirname, 'simulator-load.ts'), load);
    try {
      await delay(quick ? WARM_UP_MS / 3 : WARM_UP_MS);
      const made = (): number => servers.reduce((sum, server) => sum + server.state().generationTokens, 0);
      const [before, tokens] = [process.cpuUsage(), made()];
      await delay(quick ? MEASURED_MS / 5 : MEASURED_MS);
      const { user, system } = process.cpuUsage(before);
      yield { what: 'CPU per token', value: (user + system) / (made() - tokens), unit: 'us' };
    } finally {
      client.kill();
      await Promise.all(servers.map((server) => server.close()));
    }
  },
};
