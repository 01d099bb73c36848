import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { selfSignedCertificate } from '../ext-proc/certificate.ts';
import type { KubeObject } from '../kubernetes/api.ts';
import { certificateFinding } from './picker.ts';
import { flag, readPickerPod } from './picker-pod.ts';
import { protocolTrouble } from './picker-service.ts';

const DAY_MS = 24 * 3_600_000;

describe('the certificate', () => {
  it('is good until 14 days before its end', async () => {
    const certificate = new X509Certificate((await selfSignedCertificate()).cert);
    const from = certificate.validFromDate.getTime();
    const to = certificate.validToDate.getTime();
    const severityAt = (nowMs: number): string => certificateFinding(certificate, nowMs).severity;
    expect(severityAt(from - 1)).toBe('error');
    expect(severityAt(from)).toBe('ok');
    expect(severityAt(to - 14 * DAY_MS)).toBe('ok');
    expect(severityAt(to - 14 * DAY_MS + 1)).toBe('warning');
    expect(severityAt(to)).toBe('warning');
    expect(severityAt(to + 1)).toBe('error');
    expect(certificateFinding(certificate, from).message).toMatch(/^valid to \d{4}-\d\d-\d\d, self-signed$/);
  });
});

describe("the Service's port", () => {
  it.each([
    ['picker', 'kubernetes.io/h2c'],
    ['picker', 'http2'],
    ['picker', 'grpc'],
    ['grpc', ''],
    ['grpc-ext-proc', ''],
    ['http2-picker', ''],
  ])('speaks HTTP/2: name %s, appProtocol %j', (name, appProtocol) => {
    expect(protocolTrouble(name, appProtocol)).toBeUndefined();
  });

  it.each([
    ['picker', ''],
    ['grpcs', ''],
    ['', ''],
    // The field wins over the name.
    ['grpc', 'http'],
    ['grpc', 'kubernetes.io/ws'],
  ])('does not: name %s, appProtocol %j', (name, appProtocol) => {
    expect(protocolTrouble(name, appProtocol)).toBeDefined();
  });
});

describe('a pod of the picker', () => {
  const pod = (args: readonly string[], more: object = {}): KubeObject => ({
    metadata: { name: 'epp-1' },
    status: { podIP: '10.0.0.1' },
    spec: { containers: [{ args, ...more }] },
  });
  const service = { name: 'epp', port: 9002, selector: {}, targetPort: 'grpc' };

  it.each([
    [['--x=1'], undefined],
    [['--secure-serving=false'], 'false'],
    [['-secure-serving=false'], 'false'],
    [['--secure-serving', 'false'], 'false'],
    [['--secure-serving', '--x'], 'true'],
    [['--secure-serving'], 'true'],
    [['--secure-serving=true', '--secure-serving=false'], 'false'],
    [['secure-serving=false'], undefined],
    [['--secure-serving='], ''],
  ])('has the flag %j as %j', (args, value) => {
    expect(flag(args, 'secure-serving')).toBe(value);
  });

  it('is what its arguments and ports say', () => {
    const args = ['--metrics-port=9999', '--grpc-health-port=$(PORT)', '--secure-serving=false'];
    expect(readPickerPod(pod(args, { ports: [{ name: 'grpc', containerPort: 9005 }] }), service)).toEqual({
      name: 'epp-1',
      address: '10.0.0.1',
      grpcPort: 9005,
      healthPort: 9003,
      metricsPort: 9999,
      secure: false,
      leaderElection: false,
      metricsAuth: true,
      serviceAccount: 'default',
    });
    expect(readPickerPod({ ...pod([]), status: {} }, service)).toBeUndefined();
  });
});
