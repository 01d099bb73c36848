import type { KubeObject } from '../kubernetes/api.ts';
import { type Finding, notesOf } from './finding.ts';
import { type Fields, fields, list, number, text } from './fields.ts';
import type { PickerService, Visit } from './installation.ts';
import type { PickerSecurity } from './picker.ts';

const ROOT = '/apis/networking.istio.io';

/** Whether Istio's gateways speak to the picker as it speaks: TLS to TLS, cleartext to cleartext. */
export async function checkDestinationRule(
  visit: Visit,
  service: PickerService,
  security: PickerSecurity | undefined,
): Promise<Finding[]> {
  const { skipped } = notesOf('destination rule');
  if (security === undefined) return [skipped('nobody knows whether the picker speaks TLS')];
  const { cluster, namespace } = visit;
  let look = await cluster.listAll(`${ROOT}/v1`, 'destinationrules', namespace);
  if (look.kind === 'absent') look = await cluster.listAll(`${ROOT}/v1beta1`, 'destinationrules', namespace);
  if (look.kind === 'absent') return [skipped('the cluster has no DestinationRule: no Istio here')];
  if (look.kind === 'unknown') return [skipped(look.why)];
  const rules = look.value.filter((rule) => concerns(rule, service.name, namespace));
  return judge(rules.at(0), service, { namespace, security });
}

/** What a rule, or having none, does to calls of the picker. */
export function judge(
  rule: KubeObject | undefined,
  { name, port }: PickerService,
  { namespace, security }: { readonly namespace: string; readonly security: PickerSecurity },
): Finding[] {
  const { ok, warning, error } = notesOf('destination rule');
  const apply = `kubectl apply of:\n${ruleYaml(name, namespace)}`;
  const policy = fields(fields(rule?.['spec'])['trafficPolicy']);
  const ofPort = list(policy['portLevelSettings']).find((each) => fields(each['port'])['number'] === port) ?? policy;
  const tls = fields(ofPort['tls']);
  const mode = text(tls['mode']);
  const called = rule === undefined ? 'no DestinationRule' : `DestinationRule ${rule.metadata?.name ?? ''}`;
  const limits = streamLimits(ofPort, called);
  const isCleartext = mode === '' || mode === 'DISABLE';
  if (!security.tls) {
    if (isCleartext) return [ok('gateways and the picker both speak cleartext'), ...limits];
    const message = `${called} makes gateways speak TLS (${mode}) to a picker that speaks cleartext: every request is a 500`;
    return [error(message, 'delete its tls settings, or run the picker without --secure-serving=false')];
  }
  if (isCleartext) {
    const why = rule === undefined ? `${called} for the Service ${name}` : `${called} has tls mode ${mode || 'unset'}`;
    return [error(`${why}: gateways speak cleartext to a picker that speaks TLS, every request is a 500`, apply)];
  }
  if (mode === 'ISTIO_MUTUAL') {
    return [error(`${called} asks for the mesh's own certificates, and the picker has another`, apply)];
  }
  return security.selfSigned && isVerified(tls)
    ? [warning(`${called} lets gateways verify a certificate that is self-signed`, apply), ...limits]
    : [ok(`${called}: TLS (${mode})`), ...limits];
}

/** Whether a gateway would refuse what no authority of the system signed. */
function isVerified(tls: Fields): boolean {
  return tls['insecureSkipVerify'] !== true && text(tls['caCertificates']) === '' && text(tls['credentialName']) === '';
}

/** Limits that count streams: a gateway holds one for each request in flight. */
function streamLimits(policy: Fields, called: string): Finding[] {
  const http = fields(fields(policy['connectionPool'])['http']);
  const most = number(http['http2MaxRequests']) ?? number(http['maxConcurrentStreams']);
  const { warning, ok } = notesOf('stream limit');
  if (most === undefined) return [];
  const message = `${called} lets a gateway have ${most} requests in flight at the picker`;
  return most >= 1000 ? [ok(message)] : [warning(message, 'raise connectionPool.http.http2MaxRequests')];
}

/** Whether a rule's host is the Service. A short name means one of the rule's own namespace. */
function concerns({ metadata, spec }: KubeObject, name: string, namespace: string): boolean {
  const host = text(fields(spec)['host']);
  const full = `${name}.${namespace}.svc.cluster.local`;
  if (host.startsWith('*')) return full.endsWith(host.slice(1));
  if (!host.includes('.')) return host === name && metadata?.namespace === namespace;
  return host === `${name}.${namespace}` || host.startsWith(`${name}.${namespace}.svc`);
}

function ruleYaml(name: string, namespace: string): string {
  return [
    'apiVersion: networking.istio.io/v1',
    'kind: DestinationRule',
    'metadata:',
    `  name: ${name}`,
    `  namespace: ${namespace}`,
    'spec:',
    `  host: ${name}.${namespace}.svc.cluster.local`,
    '  trafficPolicy:',
    '    tls:',
    '      mode: SIMPLE',
    '      insecureSkipVerify: true',
  ].join('\n');
}
