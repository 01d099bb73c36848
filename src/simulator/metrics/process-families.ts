import type { Family } from './metrics-page.ts';

const HANDLERS = ['/v1/chat/completions', '/v1/completions', '/v1/models'] as const;
const STATUS_CLASSES = ['2xx', '4xx', '5xx'] as const;

/** HTTP answers by path and class of status. */
export class HttpStats {
  readonly #counts = new Float64Array(HANDLERS.length * STATUS_CLASSES.length);

  /** Counts an answer; paths nobody asked to count are skipped. */
  answered(path: string, status: number): void {
    const handler = HANDLERS.findIndex((known) => known === path);
    if (handler < 0) return;
    const statusClass = status >= 500 ? 2 : status >= 400 ? 1 : 0;
    this.#counts[handler * STATUS_CLASSES.length + statusClass] += 1;
  }

  count(handler: number, statusClass: number): number {
    return this.#counts[handler * STATUS_CLASSES.length + statusClass];
  }
}

/** What the Python runtime and its web server put on the same page. */
export function processFamilies(http: HttpStats, startedSeconds: number): Family[] {
  return [
    {
      name: 'python_info',
      type: 'gauge',
      help: 'Python platform information.',
      series: [
        {
          labels: { implementation: 'CPython', major: '3', minor: '12', patchlevel: '11', version: '3.12.11' },
          value: () => 1,
        },
      ],
    },
    gauge('process_start_time_seconds', 'Start of the process, Unix time in seconds.', () => startedSeconds),
    gauge('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss()),
    {
      name: 'http_requests',
      type: 'counter',
      help: 'HTTP answers by handler, method and status.',
      series: HANDLERS.flatMap((handler, row) =>
        STATUS_CLASSES.map((status, column) => ({
          labels: { handler, method: handler === '/v1/models' ? 'GET' : 'POST', status },
          value: () => http.count(row, column),
        })),
      ),
    },
  ];
}

function gauge(name: string, help: string, value: () => number): Family {
  return { name, type: 'gauge', help, series: [{ labels: {}, value }] };
}
