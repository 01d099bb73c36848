import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Faults } from '../faults.ts';
import { CONTENT_TYPES, type PageFormat } from '../metrics/metrics-page.ts';
import type { Pod } from '../pod.ts';
import { ApiError, sendText } from './api-error.ts';

const LOAD_GAUGES = /^(vllm:(?:num_requests_\w+|kv_cache_usage_perc)\{.*\}) \S+$/gm;
const GARBAGE = '<!doctype html>\n\u0000\u0001\u00ff{{{ vllm:num_requests_waiting{ = = 1e999e "unterminated\n'.repeat(
  40,
);
const HUGE_PIECES = 1024;
const HUGE_PIECE_LINES = 512;

/**
 * Answers a scrape. `/metrics` is always the whole page as text; `/metrics/` also takes `name[]` filters and gives
 * OpenMetrics on request, as vLLM's mounted exporter does.
 */
export async function handleMetrics(
  pod: Pod,
  url: URL,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { faults } = pod;
  const { names, format, contentType } = readForm(url, request, faults);
  if (faults.metrics === 'slow') await delay(faults.metricsDelaySeconds * 1000, undefined, { ref: false });
  if (response.destroyed) return;
  const send = (page: string): void => sendText(response, 200, contentType, page);
  if (names.length > 0 && faults.shortMetrics !== 'normal') return send(shortFault(faults.shortMetrics));
  switch (faults.metrics) {
    case 'error':
      throw new ApiError(500, 'injected fault');
    case 'empty':
      return send('');
    case 'garbage':
      return send(GARBAGE);
    case 'nan':
      return send(pod.metricsPage(format, names).replace(LOAD_GAUGES, '$1 NaN'));
    case 'huge':
      response.writeHead(200, { 'content-type': contentType });
      return pipeline(hugePage(pod.metricsPage(format, names)), response).catch(() => undefined);
    default:
      return send(pod.metricsPage(format, names));
  }
}

/** What is asked for, and how it is to be written. */
function readForm(url: URL, request: IncomingMessage, faults: Faults) {
  const mounted = url.pathname !== '/metrics';
  const names = mounted ? url.searchParams.getAll('name[]') : [];
  const asked = mounted && (request.headers.accept ?? '').includes('application/openmetrics-text');
  const format: PageFormat = asked || faults.metrics === 'openmetrics' ? 'openmetrics' : 'text';
  // The web server's own route says so although its page is plain text.
  const contentType =
    format === 'text' && !mounted ? 'text/plain; version=1.0.0; charset=utf-8' : CONTENT_TYPES[format];
  return { names, format, contentType };
}

function shortFault(kind: 'empty' | 'missing'): string {
  if (kind === 'missing') throw new ApiError(404, 'injected fault');
  return '';
}

/** Some 40 MB of families nobody knows, and the real page behind them. */
function* hugePage(page: string): Generator<string> {
  for (let piece = 0; piece < HUGE_PIECES; piece += 1) {
    let lines = `# TYPE junk_${piece} gauge\n`;
    for (let line = 0; line < HUGE_PIECE_LINES; line += 1) {
      lines += `junk_${piece}{line="${line}",filler="neither here nor there, but it has to be read"} 1.0\n`;
    }
    yield lines;
  }
  yield page;
}
