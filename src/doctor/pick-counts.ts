const REQUESTS: ReadonlySet<string> = new Set(['llm_d_epp_request_total', 'llm_d_epp_request_error_total']);
const ATTEMPTS = 'llm_d_epp_scheduler_attempts_total';

/** How often the picker was asked for a model, as it counts itself. */
export interface PickCounts {
  /** Requests it decided or refused. */
  readonly asked: number;
  /** Successful attempts, by the pod of the endpoint. */
  readonly byPod: ReadonlyMap<string, number>;
}

/** Counts of `model` on metrics pages of a picker, in the Prometheus text format. */
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
