import { writeFile } from 'node:fs/promises';
import { type Profiler } from 'node:inspector';
import { Session } from 'node:inspector/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { freePorts } from '../../kit/server-process.ts';
import type { Effort, MicroCase } from '../harness.ts';
import { loadCases } from '../macro/cases.ts';
import { withPicker } from '../macro/measure.ts';
import { figureLine } from '../table.ts';
import { RemoteProfiler } from './inspector.ts';
import { selfTimeTable } from './self-time.ts';

const INTERVAL_US = 200;
const ROWS = 40;
const SETTLE_MS = 2000;
const IDLE_MS = 10_000;
/** Longer than measured, so that rare functions show. */
const REPEATS = 3;

type Say = (line: string) => void;

/**
 * Profiles a picker under one load case, or `idle-N`, and writes a `.cpuprofile` file for each of its threads into the
 * current folder. Throws when there is no such case.
 */
export async function profilePicker(command: string, name: string, effort: Effort, say: Say): Promise<void> {
  const found = loadCases(effort).find((each) => each.name === name);
  const size = found?.endpoints ?? Number(/^idle-(\d+)$/.exec(name)?.[1]);
  if (Number.isNaN(size)) throw new Error(`no case named ${name} can be profiled; --list tells which there are`);
  const [inspectorPort] = await freePorts(1);
  const env = { NODE_OPTIONS: `--inspect=127.0.0.1:${inspectorPort}` };
  const work = async (picker: { readonly port: number }, generator: Parameters<Use>[1]): Promise<void> => {
    const load = found && { ...found, port: picker.port, conversations: found.conversations() };
    if (load) await generator.run({ ...load, requests: Math.ceil(load.requests / 4) });
    await delay(SETTLE_MS);
    const profiler = await RemoteProfiler.connect(inspectorPort);
    await profiler.start(INTERVAL_US);
    if (load) await generator.run({ ...load, requests: load.requests * REPEATS });
    else await delay(IDLE_MS);
    await keep(name, await profiler.stop(), say);
    profiler.close();
  };
  await withPicker(command, size, work, env);
}

type Use = Parameters<typeof withPicker>[2];

/** Profiles a micro case in this process. */
export async function profileMicro(each: MicroCase, effort: Effort, say: Say): Promise<void> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: INTERVAL_US });
  await session.post('Profiler.start');
  for await (const figure of each.run(effort)) say(figureLine({ name: each.name, ...figure }));
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  await keep(each.name, [profile], say);
}

async function keep(name: string, profiles: readonly Profiler.Profile[], say: Say): Promise<void> {
  for (const [thread, profile] of profiles.entries()) {
    const file = `bench-${name}${thread === 0 ? '' : `-worker-${thread}`}.cpuprofile`;
    await writeFile(file, JSON.stringify(profile));
    say(`\n${file}: ${thread === 0 ? 'main thread' : `worker thread ${thread}`}`);
    for (const line of selfTimeTable(profile, ROWS)) say(line);
  }
}
