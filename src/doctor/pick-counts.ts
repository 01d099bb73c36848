import { request } from 'undici';

const REQUESTS: ReadonlySet<string> = new Set(['llm_d_epp_request_total', 'llm_d_epp_request_error_total']);
const ATTEMPTS = 'llm_d_epp_scheduler_attempts_total';

/** How often the picker was asked for a model, as it counts itself. */
export interface PickCounts {
  /** Requests it decided or refused. */
  readonly asked: number;
  /** Successful attempts, by the pod of the endpoint. */
  readonly byPod: ReadonlyMap<string, number>;
}

interface CountOptions {
  readonly model: string;
  readonly token: string | undefined;
  readonly timeoutMs: number;
}

/** Reads the metrics pages of all replicas; a text says why there is none to read. */
export async function readPickCounts(urls: readonly string[], options: CountOptions): Promise<PickCounts | string> {
  const pages: string[] = [];
  for (const url of urls) {
    const page = await readPage(url, options);
    if ('why' in page) return page.why;
    pages.push(page.text);
  }
  return countPicks(pages.join('\n'), options.model);
}

/** Counts of `model` on pages in the Prometheus text format. */
export function countPicks(page: string, model: string): PickCounts {
  let asked = 0;
  const byPod = new Map<string, number>();
  for (const line of page.split('\n')) {
    const [, name, inside, value] = /^(\w+)\{(.*)\} (\S+)/.exec(line) ?? [];
    if (name === undefined) continue;
    const labels = new Map([...inside.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key, text]) => [key, text]));
    const count = Number(value);
    if (REQUESTS.has(name) && labels.get('model_name') === model) asked += count;
    if (name === ATTEMPTS && labels.get('target_model_name') === model && labels.get('status') === 'success') {
      const pod = (labels.get('endpoint_name') ?? '').replace(/-rank-\d+$/, '');
      byPod.set(pod, (byPod.get(pod) ?? 0) + count);
    }
  }
  return { asked, byPod };
}

/** What came in between. */
export function difference(before: PickCounts, after: PickCounts): PickCounts {
  const more = [...after.byPod].map(([pod, count]) => [pod, count - (before.byPod.get(pod) ?? 0)] as const);
  return { asked: after.asked - before.asked, byPod: new Map(more.filter(([, count]) => count > 0)) };
}

async function readPage(
  url: string,
  { token, timeoutMs }: CountOptions,
): Promise<{ readonly text: string } | { readonly why: string }> {
  try {
    const { statusCode, body } = await request(url, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(timeoutMs),
      reset: true,
    });
    const text = await body.text();
    if (statusCode === 200) return { text };
    const hint = statusCode === 401 || statusCode === 403 ? '; give --metrics-token-file' : '';
    return { why: `${url} answers ${statusCode}${hint}` };
  } catch (error) {
    return { why: `${url}: ${error instanceof Error ? error.message || error.name : String(error)}` };
  }
}
