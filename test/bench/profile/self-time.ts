import type { Profiler } from 'node:inspector';
import { pathToFileURL } from 'node:url';

const ROOT = pathToFileURL(`${import.meta.dirname}/../../..`).href;

/** A function and the time it spent itself, callees not counted. */
export interface SelfTime {
  readonly name: string;
  /** `file:line`, relative to the repository where it is in it; empty for what the engine does. */
  readonly place: string;
  readonly ms: number;
  /** Of the time that was not idle. */
  readonly share: number;
}

/** Every function of a profile by self time, most first; `(idle)` is left out. */
export function selfTimes(profile: Profiler.Profile): SelfTime[] {
  const places = new Map<number, string>();
  for (const { id, callFrame } of profile.nodes) {
    const place = callFrame.url === '' ? '' : `${shortened(callFrame.url)}:${callFrame.lineNumber + 1}`;
    places.set(id, `${callFrame.functionName || '(anonymous)'}\n${place}`);
  }
  const spentUs = new Map<string, number>();
  for (const [i, id] of (profile.samples ?? []).entries()) {
    const place = places.get(id) ?? '';
    // A delta is the time before its sample, which the sample then stands for.
    spentUs.set(place, (spentUs.get(place) ?? 0) + (profile.timeDeltas?.[i] ?? 0));
  }
  spentUs.delete('(idle)\n');
  const busyUs = spentUs.values().reduce((sum, each) => sum + each, 0);
  return [...spentUs]
    .map(([key, us]) => {
      const [name, place] = key.split('\n');
      return { name, place, ms: us / 1000, share: us / busyUs };
    })
    .toSorted((a, b) => b.ms - a.ms);
}

/** The top of a profile as lines. */
export function selfTimeTable(profile: Profiler.Profile, rows: number): string[] {
  const all = selfTimes(profile);
  const wallMs = (profile.endTime - profile.startTime) / 1000;
  const busyMs = all.reduce((sum, { ms }) => sum + ms, 0);
  const head = `busy ${busyMs.toFixed(0)} of ${wallMs.toFixed(0)} ms; self time:`;
  return [
    head,
    ...all
      .slice(0, rows)
      .map(
        ({ name, place, ms, share }) =>
          `${(share * 100).toFixed(1).padStart(6)} % ${ms.toFixed(0).padStart(7)} ms  ${name.padEnd(32)} ${place}`,
      ),
  ];
}

function shortened(url: string): string {
  return url.replace(`${ROOT}/`, '').replace(/^.*node_modules\//, '');
}
