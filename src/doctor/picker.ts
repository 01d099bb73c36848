import type { X509Certificate } from 'node:crypto';
import { ChannelCredentials, Client } from '@grpc/grpc-js';
import { joinHostPort } from '../lib/host-port.ts';
import {
  decodeHealthCheckResponse,
  encodeHealthCheckRequest,
  HEALTH_CHECK_PATH,
  type HealthCheckResponse,
  ServingStatus,
} from '../protos/health.ts';
import { type Finding, notesOf } from './finding.ts';
import type { PickerPod, Visit } from './installation.ts';
import { GO_INSIDE } from './reach.ts';
import { type Transport, transportOf } from './transport.ts';

const SOON_MS = 14 * 24 * 3_600_000;
/** Every request in flight holds a stream for as long as it lasts. */
const FEW_STREAMS = 1000;

/** What the picker speaks: seen, or without a connection as its arguments say. */
export interface PickerSecurity {
  readonly tls: boolean;
  readonly selfSigned: boolean;
}

/** Whether the picker answers, says it is ready, and what its certificate and stream limit are. */
export async function checkPicker(
  visit: Visit,
  pods: readonly PickerPod[],
  near: boolean,
): Promise<{ readonly findings: Finding[]; readonly security: PickerSecurity | undefined }> {
  if (pods.length === 0)
    return { findings: [notesOf('picker').skipped('no pod of it was found')], security: undefined };
  const seen = await Promise.all(pods.map((pod) => checkPod(visit, pod, near)));
  const tls = seen.map(({ transport }) => transport).find(({ kind }) => kind === 'tls' || kind === 'cleartext');
  const security =
    tls?.kind === 'tls' || tls?.kind === 'cleartext'
      ? { tls: tls.kind === 'tls', selfSigned: tls.certificate !== undefined && isSelfSigned(tls.certificate) }
      : { tls: pods[0].secure, selfSigned: pods[0].secure };
  return { findings: seen.flatMap(({ findings }) => findings), security };
}

async function checkPod(
  { timeoutMs }: Visit,
  pod: PickerPod,
  near: boolean,
): Promise<{ readonly findings: Finding[]; readonly transport: Transport }> {
  const { ok, warning, error } = notesOf('picker');
  const where = `${pod.name} (${joinHostPort(pod.address, pod.grpcPort)})`;
  const transport = await transportOf(pod.address, pod.grpcPort, timeoutMs);
  if (transport.kind === 'silent' || (transport.kind === 'other' && !near)) {
    const message = `no connection to ${where}: ${transport.why}`;
    const fix = 'look for a NetworkPolicy, or a node that is gone';
    return { findings: [near ? error(message, fix) : warning(message, GO_INSIDE)], transport };
  }
  if (transport.kind === 'other') {
    const fix = "make targetPort of the picker's Service the picker's --grpc-port, and see its log";
    return { findings: [error(`${where} is no picker: ${transport.why}`, fix)], transport };
  }
  const findings = [ok(`${where} speaks HTTP/2 ${transport.kind === 'tls' ? 'over TLS' : 'in cleartext'}`)];
  if (transport.certificate !== undefined) findings.push(certificateFinding(transport.certificate, Date.now()));
  findings.push(streamFinding(transport.maxStreams), await healthFinding(pod, timeoutMs));
  return { findings, transport };
}

/** What is wrong with a certificate at `nowMs`. */
export function certificateFinding(certificate: X509Certificate, nowMs: number): Finding {
  const { ok, warning, error } = notesOf('certificate');
  const [from, to] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()];
  const fix = 'renew the TLS secret of --cert-path, or leave the flag out for a self-signed certificate';
  if (nowMs > to) return error(`the picker's certificate ended on ${day(to)}`, fix);
  if (nowMs < from) return error(`the picker's certificate is not valid before ${day(from)}`, fix);
  if (to - nowMs < SOON_MS) return warning(`the picker's certificate ends on ${day(to)}`, fix);
  return ok(`valid to ${day(to)}${isSelfSigned(certificate) ? ', self-signed' : ''}`);
}

function streamFinding(maxStreams: number | undefined): Finding {
  const { ok, warning } = notesOf('stream limit');
  if (maxStreams === undefined) return ok('the picker sets none');
  const message = `the picker takes ${maxStreams} streams on one connection`;
  return maxStreams >= FEW_STREAMS
    ? ok(message)
    : warning(`${message}; a gateway holds one for each request in flight`, 'raise the limit of the picker');
}

async function healthFinding(pod: PickerPod, timeoutMs: number): Promise<Finding> {
  const { ok, warning, error } = notesOf('picker health');
  const address = joinHostPort(pod.address, pod.healthPort);
  const answer = await askHealth(address, timeoutMs);
  if (typeof answer === 'string') {
    return warning(`no health service of ${pod.name} at ${address}: ${answer}`, 'see --grpc-health-port of the picker');
  }
  const { status } = answer;
  if (status === ServingStatus.SERVING) return ok(`${pod.name} is SERVING`);
  const said = `${pod.name} is ${ServingStatus[status ?? 0]}`;
  return pod.leaderElection
    ? ok(`${said}: a standby, or not ready`)
    : error(said, `kubectl port-forward pod/${pod.name} ${pod.metricsPort}, then /debug/health says what it waits for`);
}

function askHealth(address: string, timeoutMs: number): Promise<HealthCheckResponse | string> {
  const client = new Client(address, ChannelCredentials.createInsecure());
  return new Promise<HealthCheckResponse | string>((resolve) => {
    client.makeUnaryRequest(
      HEALTH_CHECK_PATH,
      encodeHealthCheckRequest,
      decodeHealthCheckResponse,
      { service: 'readiness' },
      { deadline: Date.now() + timeoutMs },
      (error, answer) => resolve(answer ?? error?.details ?? 'no answer'),
    );
  }).finally(() => client.close());
}

function isSelfSigned(certificate: X509Certificate): boolean {
  return certificate.issuer === certificate.subject;
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
