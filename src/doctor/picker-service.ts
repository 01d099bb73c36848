import { selectorText } from '../discovery/kubernetes/pool.ts';
import { readPod } from '../discovery/kubernetes/pods.ts';
import type { KubeObject } from '../kubernetes/api.ts';
import { type Finding, notesOf } from './finding.ts';
import { fields, labels, list, number, text } from './fields.ts';
import type { PickerPod, PickerService, Visit } from './installation.ts';
import { readPickerPod } from './picker-pod.ts';

/** The Service the pool names, whether a gateway would speak HTTP/2 to it, and the pods behind it. */
export async function checkPickerService(
  { cluster, namespace }: Visit,
  pool: KubeObject | undefined,
): Promise<{
  readonly findings: Finding[];
  readonly service?: PickerService;
  readonly pods?: readonly PickerPod[];
}> {
  const { error, skipped } = notesOf('picker service');
  if (pool === undefined) return { findings: [skipped('the pool was not read, so nothing names its picker')] };
  const ref = fields(fields(pool['spec'])['endpointPickerRef']);
  const name = text(ref['name']);
  const port = number(fields(ref['port'])['number']);
  if (name === '' || port === undefined || (text(ref['kind']) || 'Service') !== 'Service') {
    const message = `the pool has no spec.endpointPickerRef with the name and a port of a Service: gateways have nobody to ask`;
    return { findings: [error(message, 'endpointPickerRef: {name: <Service of the picker>, port: {number: 9002}}')] };
  }
  const look = await cluster.get(`/api/v1/namespaces/${namespace}/services/${name}`);
  if (look.kind === 'unknown') return { findings: [skipped(look.why)] };
  if (look.kind === 'absent') {
    const message = `endpointPickerRef names the Service ${namespace}/${name}, which does not exist: every request is a 500`;
    return { findings: [error(message, 'create the Service, or correct spec.endpointPickerRef.name of the pool')] };
  }
  const { finding, service } = judgeService(look.value, `${namespace}/${name}`, port);
  if (service === undefined) return { findings: [finding] };
  const behind = await cluster.list(`/api/v1/namespaces/${namespace}/pods`, selectorText(service.selector));
  if (behind.kind !== 'found') {
    const why = behind.kind === 'unknown' ? behind.why : 'the API server has no pods';
    return { findings: [finding, notesOf('picker pods').skipped(why)], service };
  }
  // A Service without a selector has its addresses from elsewhere.
  const objects = Object.keys(service.selector).length === 0 ? [] : behind.value;
  const pods = objects.flatMap((object) => readPickerPod(object, service) ?? []);
  return { findings: [finding, podsOf(objects, service)], service, pods };
}

/** Whether the Service has the port, and gateways speak HTTP/2 to it. */
function judgeService(
  { metadata, spec: read }: KubeObject,
  called: string,
  port: number,
): { readonly finding: Finding; readonly service?: PickerService } {
  const { ok, error } = notesOf('picker service');
  const { name = '', namespace = '' } = metadata ?? {};
  const spec = fields(read);
  if (spec['type'] === 'ExternalName') {
    const message = `endpointPickerRef names the Service ${called}, which is of type ExternalName`;
    return { finding: error(message, 'a pool may not have such a picker: make it a Service with a selector') };
  }
  const ports = list(spec['ports']);
  const entry = ports.find((each) => each['port'] === port);
  if (entry === undefined) {
    const there = ports.map((each) => String(each['port'])).join(', ');
    const message = `the Service ${called} has no port ${port}, which endpointPickerRef names; it has ${there}`;
    return { finding: error(message, 'make spec.endpointPickerRef.port.number and a port of the Service agree') };
  }
  const { targetPort } = entry;
  const service: PickerService = {
    name,
    port,
    selector: labels(spec['selector']),
    targetPort: typeof targetPort === 'string' ? targetPort : (number(targetPort) ?? port),
  };
  const trouble = protocolTrouble(text(entry['name']), text(entry['appProtocol']));
  if (trouble === undefined) return { finding: ok(`Service ${called} port ${port}, HTTP/2`), service };
  const patch = [{ op: 'add', path: `/spec/ports/${ports.indexOf(entry)}/appProtocol`, value: 'kubernetes.io/h2c' }];
  const fix = `kubectl -n ${namespace} patch service ${name} --type=json -p '${JSON.stringify(patch)}'`;
  return {
    finding: error(`gateways do not speak HTTP/2 to port ${port} of the Service ${called}: ${trouble}`, fix),
    service,
  };
}

/**
 * Why Istio would not take a port for HTTP/2; undefined when it does. The field wins over the name. Source: Istio's
 * protocol selection, by `appProtocol` or the name up to its first dash.
 */
export function protocolTrouble(portName: string, appProtocol: string): string | undefined {
  if (appProtocol !== '') {
    const isHttp2 = ['kubernetes.io/h2c', 'http2', 'grpc', 'grpc-web'].includes(appProtocol.toLowerCase());
    return isHttp2 ? undefined : `its appProtocol is ${appProtocol}`;
  }
  if (/^(grpc|http2)(-|$)/i.test(portName) || /^grpc-web(-|$)/i.test(portName)) return undefined;
  return `it has no appProtocol, and its name "${portName}" does not begin with grpc or http2`;
}

function podsOf(objects: readonly KubeObject[], { name, selector }: PickerService): Finding {
  const { ok, error, warning } = notesOf('picker pods');
  const pods = objects.map(readPod);
  const ready = pods.filter((pod) => pod.ready).length;
  if (pods.length === 0) {
    const fix = `make spec.selector of the Service match the picker's pods`;
    return error(`no pod is behind the Service ${name} (selector ${selectorText(selector) || 'none'})`, fix);
  }
  const fix = `kubectl logs and describe of pod ${pods.find((pod) => !pod.ready)?.name ?? ''}; /debug/health of the picker says what it waits for`;
  if (ready === 0) return error(`none of ${pods.length} picker pods is ready`, fix);
  // Standbys of a leader election are not ready, on purpose.
  return ready === pods.length || readPickerPod(objects[0])?.leaderElection === true
    ? ok(`${ready} of ${pods.length} ready`)
    : warning(`${ready} of ${pods.length} picker pods are ready`, fix);
}
