import { request } from 'undici';
import { joinHostPort } from '../lib/host-port.ts';
import type { PickerPod, Visit } from './installation.ts';

/** A page of the picker's metrics port, or why there is none; `absent` is a picker that has no such page. */
export type Page =
  | { readonly kind: 'page'; readonly text: string }
  | { readonly kind: 'absent' | 'unknown'; readonly why: string };

const HINTS: ReadonlyMap<number, string> = new Map([
  [401, '; give --metrics-token-file'],
  [403, '; the account of the token may not get this path (nonResourceURLs of its ClusterRole)'],
]);

/** `path` at the metrics port of every picker pod, or at the URL given in their stead. */
export function pickerUrls({ pickerMetricsUrl }: Visit, pods: readonly PickerPod[], path: string): readonly string[] {
  if (pickerMetricsUrl === undefined) {
    return pods.map(({ address, metricsPort }) => `http://${joinHostPort(address, metricsPort)}${path}`);
  }
  return [path === '/metrics' ? pickerMetricsUrl : new URL(path, pickerMetricsUrl).href];
}

/** Never rejects. */
export async function readPickerPage(url: string, { metricsToken, timeoutMs }: Visit): Promise<Page> {
  try {
    const { statusCode, body } = await request(url, {
      headers: metricsToken === undefined ? {} : { authorization: `Bearer ${metricsToken}` },
      signal: AbortSignal.timeout(timeoutMs),
      reset: true,
    });
    const text = await body.text();
    if (statusCode === 200) return { kind: 'page', text };
    if (statusCode === 404) return { kind: 'absent', why: `${url} is not there` };
    return { kind: 'unknown', why: `${url} answers ${statusCode}${HINTS.get(statusCode) ?? ''}` };
  } catch (error) {
    return { kind: 'unknown', why: `${url}: ${error instanceof Error ? error.message || error.name : String(error)}` };
  }
}
