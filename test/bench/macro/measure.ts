import { setTimeout as delay } from 'node:timers/promises';
import type { Effort, Figure, Report } from '../harness.ts';
import { type LoadCase, loadCases, POOL_SIZES } from './cases.ts';
import { HelperProcess } from './helper-process.ts';
import { type BenchedPicker, startPickerCommand } from './picker.ts';
import { cpuSeconds, residentMegabytes } from './process-tree.ts';

/** From the start until scraping has found its pace. */
const SETTLE_MS = 4000;
const IDLE_MS = 5000;
const READY_TARGET_MS = 1000;
const PIECE_TARGET_US = 25;

/** What to measure of one picker. */
export interface MacroOptions extends Effort {
  readonly isWanted: (name: string) => boolean;
}

/** The names of all macro cases. */
export function macroNames(effort: Effort): string[] {
  const perPool = POOL_SIZES.flatMap((size) => [`ready-${size}`, `idle-${size}`, `rss-${size}`]);
  return [...perPool, ...loadCases(effort).map(({ name }) => name)];
}

/** Starts the picker anew for each size of pool, and reports every wanted case. */
export async function measurePicker(command: string, options: MacroOptions, report: Report): Promise<void> {
  for (const size of POOL_SIZES) await measurePool(command, size, options, report);
}

/** The wanted cases of one size of pool; starts nothing when there are none. */
export async function measurePool(command: string, size: number, options: MacroOptions, report: Report): Promise<void> {
  const loads = loadCases(options).filter(({ name, endpoints }) => endpoints === size && options.isWanted(name));
  const around = ['ready', 'idle', 'rss'].filter((what) => options.isWanted(`${what}-${size}`));
  if (loads.length === 0 && around.length === 0) return;
  await withPicker(command, size, async (picker, generator) => {
    const tell = (name: string, figures: Omit<Figure, 'name'>): void => {
      if (around.includes(name)) report({ name: `${name}-${size}`, ...figures });
    };
    tell('ready', { what: 'start to first pick', value: picker.readyMs, unit: 'ms', target: READY_TARGET_MS });
    await delay(options.quick ? SETTLE_MS / 4 : SETTLE_MS);
    if (around.includes('idle')) {
      const cores = await idleCores(picker, options.quick ? IDLE_MS / 5 : IDLE_MS);
      tell('idle', { what: 'CPU', value: cores, unit: 'cores' });
    }
    for (const each of loads) for (const figure of await measureLoad(each, picker, generator)) report(figure);
    tell('rss', { what: 'resident memory after the load', value: residentMegabytes(picker.pid), unit: 'MB' });
  });
}

/** Runs `use` with a picker in front of `size` endpoints, and stops everything afterwards. */
export async function withPicker(
  command: string,
  size: number,
  use: (picker: BenchedPicker, generator: HelperProcess) => Promise<void>,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const pages = new HelperProcess();
  const generator = new HelperProcess();
  try {
    const picker = await startPickerCommand(command, await pages.servePages(size), env);
    try {
      await use(picker, generator);
    } finally {
      await picker.stop();
    }
  } finally {
    pages.stop();
    generator.stop();
  }
}

async function idleCores({ pid }: BenchedPicker, periodMs: number): Promise<number> {
  const before = cpuSeconds(pid);
  const startedMs = performance.now();
  await delay(periodMs);
  return ((cpuSeconds(pid) - before) * 1000) / (performance.now() - startedMs);
}

/** Makes the load twice: the first time is the warm-up. */
async function measureLoad(each: LoadCase, picker: BenchedPicker, generator: HelperProcess): Promise<Figure[]> {
  const { name, requests } = each;
  const load = { ...each, port: picker.port, conversations: each.conversations() };
  await generator.run(load);
  const before = cpuSeconds(picker.pid);
  const { perSecond, meanMs, medianMs, p99Ms } = await generator.run(load);
  const p99: Figure = { name, what: 'p99 time', value: p99Ms, unit: 'ms' };
  // One at a time takes too little CPU for ticks of 10 ms.
  if (each.streams === 1) {
    return [
      { name, what: 'mean time', value: meanMs, unit: 'ms' },
      { name, what: 'median time', value: medianMs, unit: 'ms' },
      p99,
    ];
  }
  const cpuUs = ((cpuSeconds(picker.pid) - before) * 1e6) / requests;
  const perPiece = each.pieces === undefined ? [] : [cpuPerPiece(name, cpuUs / each.pieces)];
  return [
    { name, what: 'requests', value: perSecond, unit: '/s' },
    { name, what: 'CPU per request', value: cpuUs, unit: 'us' },
    ...perPiece,
    p99,
  ];
}

function cpuPerPiece(name: string, value: number): Figure {
  return { name, what: 'CPU per piece of response', value, unit: 'us', target: PIECE_TARGET_US };
}
