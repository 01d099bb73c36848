import { randomUUID } from 'node:crypto';
import { request } from 'undici';
import type { PodFacts } from '../discovery/kubernetes/pods.ts';
import { joinHostPort } from '../lib/host-port.ts';
import { type Finding, notesOf } from './finding.ts';
import type { PickerPod, Visit } from './installation.ts';
import { countPicks, difference, type PickCounts } from './pick-counts.ts';
import { pickerUrls, readPickerPage } from './picker-page.ts';

const PROBES = 3;
/** Until the picker has counted a request that was answered. */
const SETTLE_MS = 250;
/** Header by which simulated servers say which pod they are. */
const POD_HEADER = 'x-inference-pod';
/** Header of the plugin `destination-endpoint-served-verifier`: the address the gateway says has served. */
const ADDRESS_HEADER = 'x-conformance-test-served-endpoint';

interface Answer {
  readonly status: number;
  /** Pod that says it served; undefined when nobody says. */
  readonly servedBy: string | undefined;
}

/** Sends marked requests through the gateway and looks whether the picker counted them: a 200 alone proves nothing. */
export async function checkProbe(
  visit: Visit,
  pods: readonly PickerPod[],
  servers: readonly PodFacts[],
): Promise<Finding[]> {
  const { ok, warning, error, skipped } = notesOf('gateway probe');
  const { gatewayUrl, model } = visit;
  if (gatewayUrl === undefined) return [skipped('no --gateway-url')];
  const before = await counts(visit, pods);
  const answers: (Answer | string)[] = [];
  for (let at = 0; at < PROBES; at++) answers.push(await send(visit, gatewayUrl, servers));
  const failed = answers.find((answer) => typeof answer === 'string');
  if (failed !== undefined) return [error(`no answer from ${gatewayUrl}: ${failed}`, 'is that the gateway?')];
  const good = answers.filter((answer) => typeof answer !== 'string');
  const statuses = [...new Set(good.map(({ status }) => status))].join(', ');
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const after = typeof before === 'string' ? before : await counts(visit, pods);
  if (typeof before === 'string' || typeof after === 'string') {
    const why = [before, after].find((each) => typeof each === 'string');
    const said = skipped(
      `${PROBES} requests were answered with ${statuses}, but nobody can say whether by the picker's word: ${why}`,
    );
    return good.some(({ status }) => status === 500) ? [said, fails(statuses)] : [said];
  }
  const { asked, byPod } = difference(before, after);
  if (asked < PROBES) {
    const message = `the picker saw ${asked} of ${PROBES} requests sent to ${gatewayUrl} for model ${model}; they were answered with ${statuses}`;
    const fix =
      "look at the lines about routes and gateway above; the route must be this pool's, the gateway's pods labelled, and no CORS or fault on the rule";
    return [error(message, fix)];
  }
  const asks = ok(`the picker was asked for each of ${PROBES} requests; they were answered with ${statuses}`);
  const rest = good.some(({ status }) => status >= 500)
    ? [warning(`requests were answered with ${statuses}`, 'see the logs of picker and servers')]
    : [];
  return [asks, ...rest, honoured(good, byPod)];
}

function fails(statuses: string): Finding {
  return notesOf('gateway probe').error(
    `requests are answered with ${statuses}`,
    'a 500 without a body is a gateway that cannot talk to its picker: see the lines about the picker above',
  );
}

/** Whether requests went where the picker said. */
function honoured(answers: readonly Answer[], byPod: ReadonlyMap<string, number>): Finding {
  const { ok, error, skipped } = notesOf('picks honoured');
  const served = answers.flatMap(({ servedBy }) => servedBy ?? []);
  if (served.length < answers.length)
    return skipped(
      `the servers do not say who they are (no header ${POD_HEADER}), nor the picker (plugin destination-endpoint-served-verifier)`,
    );
  const strays = served.filter((pod) => !byPod.has(pod));
  return strays.length === 0
    ? ok(`${served.length} of ${served.length} requests were served by the pod the picker named`)
    : error(
        `${strays.length} of ${served.length} requests were served by pods the picker did not name: ${strays.join(', ')}`,
        'the gateway does not know the endpoints the picker names: compare istioctl proxy-config endpoint with the pods',
      );
}

async function counts(visit: Visit, pods: readonly PickerPod[]): Promise<PickCounts | string> {
  const urls = pickerUrls(visit, pods, '/metrics');
  if (urls.length === 0) return 'no pod of the picker was found; give --picker-metrics-url';
  const pages = await Promise.all(urls.map((url) => readPickerPage(url, visit)));
  const failed = pages.find((page) => page.kind !== 'page');
  if (failed !== undefined) return failed.why;
  const text = pages.map((page) => (page.kind === 'page' ? page.text : '')).join('\n');
  return countPicks(text, visit.model);
}

async function send(
  { model, timeoutMs, gatewayHost }: Visit,
  gatewayUrl: string,
  servers: readonly PodFacts[],
): Promise<Answer | string> {
  try {
    const { statusCode, headers, body } = await request(new URL('/v1/completions', gatewayUrl), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-request-id': `pointsman-doctor-${randomUUID()}`,
        ...(gatewayHost !== undefined && { host: gatewayHost }),
      },
      body: JSON.stringify({ model, prompt: 'hello', max_tokens: 1 }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    await body.dump();
    return { status: statusCode, servedBy: serverOf(headers, servers) };
  } catch (error) {
    return error instanceof Error ? error.message || error.name : String(error);
  }
}

function serverOf(headers: Readonly<Record<string, unknown>>, servers: readonly PodFacts[]): string | undefined {
  const { [POD_HEADER]: pod, [ADDRESS_HEADER]: address } = headers;
  if (typeof pod === 'string') return pod;
  if (typeof address !== 'string') return undefined;
  const server = servers.find((each) => each.address !== undefined && isAt(address, each.address));
  return server?.name ?? address;
}

/** Whether `hostPort` is a port of this host. */
function isAt(hostPort: string, host: string): boolean {
  return hostPort.replace(/:\d+$/, '') === joinHostPort(host, 0).replace(/:0$/, '');
}
