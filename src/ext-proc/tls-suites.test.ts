import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type ConnectionOptions } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../core/errors.ts';
import { selfSignedCertificate } from './certificate.ts';
import { tlsPolicy } from './tls-suites.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).toReversed()) cleanup();
});

/** What a client and a server under a policy agree on: version and suite, or nothing. */
async function shake(policy: ReturnType<typeof tlsPolicy>, client: ConnectionOptions): Promise<string> {
  const pair = await selfSignedCertificate(policy.keyType);
  const { minVersion, ciphers } = policy;
  const server = createServer({ ...pair, ...(minVersion && { minVersion }), ...(ciphers && { ciphers }) });
  server.on('tlsClientError', () => undefined);
  server.on('secureConnection', (accepted) => accepted.on('error', () => undefined));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...client });
  cleanups.push(() => void socket.destroy());
  return once(socket, 'secureConnect').then(
    () => `${socket.getProtocol()} ${socket.getCipher().standardName}`,
    () => 'refused',
  );
}

const ECDSA = 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256';
const RSA = 'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384';

describe('tlsPolicy', () => {
  it('leaves everything to Node when nothing is asked for', () => {
    expect(tlsPolicy('', [])).toEqual({ minVersion: undefined, ciphers: undefined, keyType: 'ec', missing: [] });
  });

  it.each([
    [ECDSA, 'ec'],
    [RSA, 'rsa'],
    ['TLS_RSA_WITH_AES_128_CBC_SHA', 'rsa'],
  ])('holds TLS 1.2 to %s, with a certificate it can use', async (suite, keyType) => {
    const policy = tlsPolicy('', [suite]);
    expect(policy).toMatchObject({ keyType, missing: [] });
    expect(await shake(policy, { maxVersion: 'TLSv1.2' })).toBe(`TLSv1.2 ${suite}`);
  });

  it('refuses a client of TLS 1.2 that has none of the suites, and keeps TLS 1.3', async () => {
    const policy = tlsPolicy('', [ECDSA]);
    expect(await shake(policy, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' })).toBe('refused');
    expect(await shake(policy, {})).toMatch(/^TLSv1\.3 /);
  });

  it('speaks TLS 1.3 alone when only its suites are named', async () => {
    const policy = tlsPolicy('', ['TLS_AES_128_GCM_SHA256']);
    expect(await shake(policy, {})).toMatch(/^TLSv1\.3 /);
    expect(await shake(policy, { maxVersion: 'TLSv1.2' })).toBe('refused');
  });

  it.each([
    ['VersionTLS10', 'TLSv1', undefined],
    ['VersionTLS11', 'TLSv1.1', 'TLSv1'],
    ['VersionTLS12', 'TLSv1.2', 'TLSv1.1'],
    ['VersionTLS13', 'TLSv1.3', 'TLSv1.2'],
  ] as const)('accepts %s and refuses what is older', async (name, lowest, older) => {
    const policy = tlsPolicy(name, []);
    // TLS 1.3 and the lowest security level are not had together.
    const client = lowest === 'TLSv1.3' ? {} : ({ minVersion: 'TLSv1', ciphers: 'DEFAULT:@SECLEVEL=0' } as const);
    expect(await shake(policy, { ...client, maxVersion: lowest })).toMatch(new RegExp(`^${lowest} `));
    if (older !== undefined) expect(await shake(policy, { ...client, maxVersion: older })).toBe('refused');
  });

  it('tells which suites this OpenSSL lacks, and goes on with the others', () => {
    const policy = tlsPolicy('', ['TLS_RSA_WITH_RC4_128_SHA', RSA]);
    expect(policy.missing).toEqual(['TLS_RSA_WITH_RC4_128_SHA']);
    expect(policy.ciphers).not.toContain('RC4');
    expect(() => tlsPolicy('', ['TLS_RSA_WITH_RC4_128_SHA'])).toThrow(/none of the cipher suites TLS_RSA_WITH_RC4/);
  });

  it('names a suite or version that does not exist', () => {
    expect(() => tlsPolicy('', ['TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA385'])).toThrow(
      `unknown TLS cipher suite "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA385" (did you mean "${RSA}"?)`,
    );
    expect(() => tlsPolicy('', ['ECDHE-RSA-AES256-GCM-SHA384'])).toThrow(ConfigError);
    expect(() => tlsPolicy('', [''])).toThrow(ConfigError);
    expect(() => tlsPolicy('TLS12', [])).toThrow('write VersionTLS10, VersionTLS11, VersionTLS12, VersionTLS13');
  });
});
