import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, inject, onTestFinished } from 'vitest';
import { eventually } from '../kit/eventually.ts';
import { Cluster } from './cluster.ts';
import { type PickerOptions, type PickerProcess, startPickerProcess } from './picker-process.ts';

/** A `describe` with an API server of its own; skipped as a whole where none is to be had. */
export function describeCluster(name: string, body: (cluster: () => Cluster) => void): void {
  const binaries = inject('clusterBinaries');
  describe.skipIf(binaries === null)(name, () => {
    let cluster: Cluster | undefined;
    beforeAll(async () => {
      if (binaries !== null) cluster = await Cluster.start(binaries);
    });
    afterAll(() => cluster?.stop());
    body(() => {
      if (cluster === undefined) throw new Error('the cluster did not start');
      return cluster;
    });
  });
}

/** A picker that a test need not stop. */
export async function startPicker(options: PickerOptions): Promise<PickerProcess> {
  const picker = await startPickerProcess(options);
  onTestFinished(async ({ task }) => {
    if (task.result?.state === 'fail') report(`log of the picker of "${task.name}":\n${picker.server.log()}`);
    await picker.stop();
  });
  return picker;
}

/** Tells a figure, for those who read the run. */
export function report(line: string): void {
  process.stderr.write(`== cluster suite: ${line}\n`);
}

/** Milliseconds until `condition` holds, which may take longer than `eventually` waits; looks every 20 ms. */
export async function patiently(what: string, mostMs: number, condition: () => Promise<boolean>): Promise<number> {
  const began = performance.now();
  while (!(await condition())) {
    if (performance.now() - began > mostMs) throw new Error(`never happened within ${mostMs} ms: ${what}`);
    await delay(20);
  }
  return performance.now() - began;
}

/** Milliseconds until `condition` holds. */
export async function timeUntil(what: string, condition: () => Promise<boolean>): Promise<number> {
  const began = performance.now();
  await eventually(what, condition);
  return performance.now() - began;
}
