import type { EndpointSpec } from '../core/endpoint.ts';
import { joinHostPort } from '../lib/host-port.ts';
import {
  BUILT_IN_ENGINES,
  DEFAULT_ENGINE,
  DEFAULT_PATH,
  type Engine,
  ENGINE_LABEL,
  selectEngine,
  SIGNALS,
} from '../scrape/engines.ts';
import { pageFetcher } from '../scrape/fetch-page.ts';
import { SignalReader } from '../scrape/signals.ts';
import { type Finding, notesOf } from './finding.ts';
import type { Visit } from './installation.ts';

const CHOICE = { labelKey: ENGINE_LABEL, defaultEngine: DEFAULT_ENGINE, engines: BUILT_IN_ENGINES };

/** Scrapes every endpoint once, as the picker does with the engines it knows, and says which names its page lacks. */
export async function checkEngineMetrics({ timeoutMs }: Visit, endpoints: readonly EndpointSpec[]): Promise<Finding[]> {
  const { ok, skipped } = notesOf('metrics');
  if (endpoints.length === 0) return [skipped('no endpoint accepts connections')];
  const looks = await Promise.all(endpoints.map((endpoint) => look(endpoint, timeoutMs)));
  const troubles = Map.groupBy(
    looks.filter((each) => each.severity !== 'ok'),
    ({ severity, message, fix }) => JSON.stringify([severity, message, fix]),
  );
  const findings = [...troubles.values()].map((same): Finding => {
    const [{ severity, message, fix }] = same;
    const where = same.map(({ where: each }) => each);
    const more = where.length > 3 ? ` and ${where.length - 3} more` : '';
    return { check: 'metrics', severity, message: `${where.slice(0, 3).join(', ')}${more}: ${message}`, fix };
  });
  const good = looks.length - [...troubles.values()].flat().length;
  return good === 0 ? findings : [ok(`${good} of ${looks.length} endpoints show all that is read`), ...findings];
}

interface PageLook {
  readonly where: string;
  readonly severity: 'ok' | 'warning' | 'error';
  readonly message: string;
  readonly fix: string;
}

async function look(endpoint: EndpointSpec, timeoutMs: number): Promise<PageLook> {
  const engine = BUILT_IN_ENGINES[selectEngine(endpoint.labels, CHOICE)];
  const path = engine.otherPath ?? DEFAULT_PATH;
  const where = `${joinHostPort(endpoint.address, endpoint.port)}${path}`;
  const page = await fetchPage(endpoint, path, timeoutMs);
  if (typeof page === 'string') {
    return { where, severity: 'error', message: page, fix: 'let the model server show its metrics at this path' };
  }
  return { where, ...verdict(engine, page) };
}

/** What a page of an engine lacks. */
export function verdict(engine: Engine, page: Uint8Array): Omit<PageLook, 'where'> {
  const { missing, usable } = new SignalReader(engine).read(page);
  const names = missing.flatMap((signal) => {
    const spec = SIGNALS.find((each) => each === signal);
    return spec === undefined
      ? [signal]
      : [engine.signals[spec]?.sources.map(({ metric }) => metric.name).join(' or ')];
  });
  const message = `the page is read as ${engine.name} and lacks ${names.join(', ')}`;
  if (!usable) {
    const fix = `label the pods ${ENGINE_LABEL}=<engine> if they are no ${engine.name}: ${BUILT_IN_ENGINES.map(({ name }) => name).join(', ')}`;
    return { severity: 'error', message, fix };
  }
  if (missing.length === 0) return { severity: 'ok', message: '', fix: '' };
  const fix = `what is missing counts as unknown, not as zero; update ${engine.name}, or name the metrics in engineConfigs of core-metrics-extractor`;
  return { severity: 'warning', message, fix };
}

/** The page, or one line that says why there is none. */
function fetchPage({ address, port }: EndpointSpec, path: string, timeoutMs: number): Promise<Uint8Array | string> {
  const connection = pageFetcher({ tls: undefined }).open(address, port, path);
  return new Promise((resolve) => {
    const end = (result: Uint8Array | string): void => {
      clearTimeout(timer);
      connection.close();
      resolve(result);
    };
    const timer = setTimeout(() => end(`no metrics within ${timeoutMs} ms`), timeoutMs);
    connection.get({
      page: (bytes) => end(Uint8Array.from(bytes)),
      failed: (fault, message) => end(`no metrics (${fault}): ${message}`),
    });
  });
}
