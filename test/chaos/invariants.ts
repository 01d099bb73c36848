import type { PickerEndpoints } from '../../loadtest/stack/picker-process.ts';
import type { Exchange } from './chat.ts';
import { bytesInUse } from './heap.ts';
import { poll } from './poll.ts';
import type { Rig } from './rig.ts';

/** What is open in the gateway or a server needs a moment to be told of. */
const SETTLES_WITHIN_MS = 15_000;
/** The longest ejection is 8 s, a probe takes turns with other requests, and the machine may be busy. */
const RECOVERS_WITHIN_MS = 60_000;
/** What a warm picker may hold more than at rest: compiled code, connections, label sets. A leak has no such end. */
const MEMORY_SLACK_BYTES = 4 * 1024 * 1024;
const FRESH_METRICS_MS = 2_000;
const SHOWN = 5;
const MIB = 1024 * 1024;

/** Chats that failed although nothing kept them from being answered, one line each. */
export function lostChats(ended: readonly Exchange[], mayFail: (chat: Exchange) => boolean): string[] {
  const lost = ended.filter((chat) => !chat.right && !mayFail(chat));
  if (lost.length === 0) return [];
  const [{ startedMs: firstMs }] = ended.toSorted((a, b) => a.startedMs - b.startedMs);
  const lines = lost.slice(0, SHOWN).map(({ id, stream, startedMs, endedMs, status, server, problem }) => {
    const at = `${Math.round(startedMs - firstMs)} to ${Math.round(endedMs - firstMs)} ms`;
    const from = status === 0 ? 'no answer began' : `status ${status} from ${server ?? 'no server'}`;
    return `  chat ${id}${stream ? ', streamed' : ''}, ${at}: ${from}; ${problem}`;
  });
  return [`lost: ${lost.length} of ${ended.length} chats failed that could have been answered`, ...lines];
}

/** Waits until every endpoint is healthy, scraped and has answered since; what is amiss with those that are not. */
export async function forgotten(rig: Rig, answeredSince: () => readonly Exchange[]): Promise<string[]> {
  let amiss: string[] = [];
  await poll(async () => {
    const endpoints = await rig.picker.endpoints();
    const answered = answeredSince().filter(({ right }) => right);
    amiss = rig.servers.flatMap(({ name }) => {
      const endpoint = endpoints.find((one) => nameOf(one) === name);
      const answers = answered.filter(({ server }) => server === name).length;
      return isBack(endpoint) && answers > 0 ? [] : [`forgotten: ${name}, ${answers} answers since; ${told(endpoint)}`];
    });
    return amiss.length === 0;
  }, RECOVERS_WITHIN_MS);
  return amiss;
}

type PickerEndpoint = PickerEndpoints[number];

function isBack(endpoint: PickerEndpoint | undefined): boolean {
  return endpoint?.health === 'healthy' && (endpoint.metricsAgeMs ?? Number.NaN) < FRESH_METRICS_MS;
}

function told(endpoint: PickerEndpoint | undefined): string {
  if (endpoint === undefined) return 'not in the pool';
  return `${endpoint.health}, metrics of ${endpoint.metricsAgeMs ?? 'unknown'} ms ago`;
}

/** `sim-1` of `default/sim-1`. */
function nameOf({ endpoint }: PickerEndpoint): string {
  return endpoint.slice(endpoint.lastIndexOf('/') + 1);
}

/** Waits until the books of an idle picker are empty; what is left in them when they are not. */
export async function leftInBooks({ picker }: Rig): Promise<string[]> {
  let left: string[] = [];
  await poll(async () => {
    const counts = new Map(
      (await picker.endpoints()).map((one) => [`${nameOf(one)} in /debug/endpoints`, one.inflight]),
    );
    for (const gauge of ['llm_d_epp_request_running', 'llm_d_epp_extproc_streams_inflight']) {
      counts.set(gauge, await picker.total(gauge));
    }
    left = [...counts].filter(([, count]) => count !== 0).map(([where, count]) => `books: ${count} left, ${where}`);
    return left.length === 0;
  }, SETTLES_WITHIN_MS);
  return left;
}

/** Waits until the memory in use is back where it was at rest; how far off it is when it does not come back. */
export async function memoryKept({ picker, bytesAtRest }: Rig): Promise<string[]> {
  let bytes = Number.NaN;
  const back = await poll(async () => {
    bytes = await bytesInUse(picker.inspectorUrl);
    return bytes <= bytesAtRest + MEMORY_SLACK_BYTES;
  }, SETTLES_WITHIN_MS);
  const [now, before, slack] = [bytes, bytesAtRest, MEMORY_SLACK_BYTES].map((one) => (one / MIB).toFixed(1));
  return back
    ? []
    : [`memory: ${now} MiB in use after a collection, ${before} at rest before; ${slack} more are allowed`];
}
