import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { eventually } from '../kit/eventually.ts';
import { inParallel } from './api.ts';
import { PICKER_RULES, pod, pool, setStatus } from './manifests.ts';
import type { PickerProcess } from './picker-process.ts';
import { describeCluster, report, startPicker } from './suite.ts';

const NAMESPACE = 'flapping';
const PODS = 1_000;
/** A minute with `CLUSTER_FULL=1`. */
const SECONDS = process.env['CLUSTER_FULL'] === '1' ? 60 : 10;
const WRITERS = 16;
const MB = 1024 * 1024;

interface Sample {
  readonly heap: number;
  readonly resident: number;
  readonly series: number;
  readonly cpuSeconds: number;
}

/** Cumulative counts of the scheduler's duration histogram, by upper bound in seconds. */
async function decisions(picker: PickerProcess): Promise<Map<number, number>> {
  const page = await picker.page('/metrics');
  const buckets = page.matchAll(/^llm_d_epp_scheduler_e2e_duration_seconds_bucket\{le="([^"]+)"\} (\d+)$/gm);
  return new Map([...buckets].map(([, bound, count]) => [bound === '+Inf' ? Infinity : Number(bound), Number(count)]));
}

/** The bound that `share` of what was added between two readings lies under. */
function quantile(before: ReadonlyMap<number, number>, after: ReadonlyMap<number, number>, share: number): number {
  const total = (after.get(Infinity) ?? 0) - (before.get(Infinity) ?? 0);
  for (const [bound, count] of after) if (count - (before.get(bound) ?? 0) >= total * share) return bound;
  return Infinity;
}

async function sample(picker: PickerProcess): Promise<Sample> {
  const page = await picker.page('/metrics');
  const valueOf = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(page)?.[1]);
  return {
    heap: valueOf('nodejs_heap_size_used_bytes'),
    resident: valueOf('process_resident_memory_bytes'),
    series: page.split('\n').length,
    cpuSeconds: valueOf('process_cpu_seconds_total'),
  };
}

describeCluster(`a pool of ${PODS} pods that flap for ${SECONDS} s`, (cluster) => {
  it('neither delays picks nor leaks memory', { timeout: 240_000 }, async () => {
    const { api } = cluster();
    const kubeconfig = await cluster().user(NAMESPACE, 'picker', PICKER_RULES);
    const pods = Array.from({ length: PODS }, (_, i) => ({
      manifest: pod({ name: `p${i}`, namespace: NAMESPACE, labels: { app: 'vllm' } }),
      ip: `127.1.${Math.floor(i / 250)}.${(i % 250) + 1}`,
      ready: true,
    }));
    await api.apply(pool({ name: 'vllm', namespace: NAMESPACE }));
    await inParallel(pods, async ({ manifest, ip }) => {
      await api.apply(manifest);
      await setStatus(api, manifest, { ip, ready: true });
    });
    const picker = await startPicker({
      kubeconfig,
      // Nobody serves metrics at these addresses; trying is not what this is about.
      args: ['--pool-name=vllm', `--pool-namespace=${NAMESPACE}`, '--refresh-metrics-interval=10s'],
    });
    await eventually('every pod is there', async () => (await picker.health()).discovery.endpoints === PODS);

    const enough = new AbortController();
    let writes = 0;
    const latencies: number[] = [];
    const samples: Sample[] = [];
    const flap = async (first: number): Promise<void> => {
      for (let i = first; !enough.signal.aborted; i = (i + WRITERS) % PODS) {
        const each = pods[i];
        each.ready = !each.ready;
        await setStatus(api, each.manifest, { ip: each.ip, ready: each.ready });
        writes++;
      }
    };
    const pick = async (): Promise<void> => {
      while (!enough.signal.aborted) {
        const began = performance.now();
        const { destination } = await picker.pick();
        latencies.push(performance.now() - began);
        expect(destination).toBeDefined();
        await delay(2);
      }
    };
    const before = await decisions(picker);
    const busy = [pick(), ...Array.from({ length: WRITERS }, (_, writer) => flap(writer))];
    for (let second = 0; second < SECONDS; second++) {
      await delay(1_000);
      samples.push(await sample(picker));
    }
    enough.abort();
    await Promise.all(busy);
    const after = await decisions(picker);

    const ready = pods
      .filter((each) => each.ready)
      .map(({ manifest, ip }) => `${manifest.metadata.name}-rank-0 ${ip}:8000`);
    await picker.until(...ready.toSorted());
    const third = Math.ceil(SECONDS / 3);
    const leastHeap = (part: readonly Sample[]) => Math.min(...part.map(({ heap }) => heap)) / MB;
    const early = leastHeap(samples.slice(0, third));
    const late = leastHeap(samples.slice(-third));
    const p99 = quantile(before, after, 0.99);
    latencies.sort((a, b) => a - b);
    const at = (share: number) => (latencies[Math.floor(latencies.length * share)] ?? Number.NaN).toFixed(2);
    report(
      `${PODS} pods, ${Math.round(writes / SECONDS)} changes/s for ${SECONDS} s: p99 decision under ${p99 * 1_000} ms over ${latencies.length} picks; ` +
        `seen by the client p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`,
    );
    const cpu = ((samples.at(-1)?.cpuSeconds ?? 0) - (samples[0]?.cpuSeconds ?? 0)) / Math.max(1, SECONDS - 1);
    const median = quantile(before, after, 0.5) * 1_000;
    report(`median decision under ${median} ms; the picker used ${(cpu * 100).toFixed(0)} % of a core`);
    report(
      `least heap ${early.toFixed(1)} MB early, ${late.toFixed(1)} MB late; resident ${((samples.at(-1)?.resident ?? 0) / MB).toFixed(0)} MB`,
    );
    expect(latencies.length).toBeGreaterThan(100);
    // p99 under 1 ms is what is aimed at; a machine that runs an API server and a load beside it is no bench for it.
    expect(quantile(before, after, 0.5)).toBeLessThanOrEqual(0.01);
    expect(late - early).toBeLessThan(24);
    // Pods that come back are the same series.
    expect((samples.at(-1)?.series ?? 0) - (samples[third]?.series ?? 0)).toBeLessThan(PODS / 2);
  });
});
