import { endpointsOf } from '../discovery/kubernetes/pods.ts';
import { joinHostPort } from '../lib/host-port.ts';
import { type Fields, list, number, text } from './fields.ts';
import { type Finding, notesOf } from './finding.ts';
import type { PickerPod, PoolState, Visit } from './installation.ts';
import { pickerUrls, readPickerPage } from './picker-page.ts';

/** A picker reads every page many times a second; one this old is not read any more. */
const STALE_MS = 10_000;

/** Whether the picker knows the pool's endpoints, reads their metrics and uses them, as its `/debug/endpoints` tells. */
export async function checkPickerView(
  visit: Visit,
  { facts, pods }: PoolState,
  pickers: readonly PickerPod[],
): Promise<Finding[]> {
  const { skipped } = notesOf('picker view');
  const want = pods.flatMap((pod) => endpointsOf(pod, visit.namespace, facts.ports));
  const addresses = want.map(({ address, port }) => joinHostPort(address, port));
  const urls = pickerUrls(visit, pickers, '/debug/endpoints');
  if (urls.length === 0) return [skipped('no pod of the picker was found')];
  return Promise.all(
    urls.map(async (url) => {
      const page = await readPickerPage(url, visit);
      if (page.kind !== 'page') return skipped(page.why);
      try {
        return judgeView(url, list(JSON.parse(page.text)), addresses);
      } catch {
        return skipped(`${url} is not JSON`);
      }
    }),
  );
}

/** Compares what a picker shows with the addresses there are. */
export function judgeView(url: string, shown: readonly Fields[], addresses: readonly string[]): Finding {
  const { ok, error, warning } = notesOf('picker view');
  const known = new Set(shown.map(({ address }) => text(address)));
  const missing = addresses.filter((address) => !known.has(address));
  if (missing.length > 0) {
    const message = `the picker at ${url} does not know ${some(missing)}`;
    const fix = 'is --pool-name of the picker this pool? Its /debug/health and log say what it cannot follow';
    return error(message, fix);
  }
  const unread = shown.filter(({ metricsAgeMs }) => (number(metricsAgeMs) ?? Infinity) > STALE_MS);
  if (unread.length > 0) {
    const message = `the picker has not read the metrics of ${some(unread.map(({ address }) => text(address)))} lately`;
    const fix = 'a NetworkPolicy between picker and servers? Its log says why a page could not be read';
    return error(message, fix);
  }
  const out = shown.filter(({ ejectedForMs }) => (number(ejectedForMs) ?? 0) > 0);
  if (out.length > 0) {
    const message = `the picker has taken out ${some(out.map(({ address }) => text(address)))}, which failed`;
    return warning(message, "see these servers' logs; llm_d_epp_endpoint_health_transitions_total has the reasons");
  }
  return ok(`the picker knows all ${addresses.length} endpoints and reads their metrics`);
}

function some(addresses: readonly string[]): string {
  const more = addresses.length > 3 ? ` and ${addresses.length - 3} more` : '';
  return addresses.slice(0, 3).join(', ') + more;
}
