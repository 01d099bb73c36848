import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../core/errors.ts';
import { readCertificate, selfSignedCertificate } from './certificate.ts';

const TEN_YEARS_DAYS = 3652;

describe('selfSignedCertificate', () => {
  it.each(['ec', 'rsa'] as const)('names the organization, no host, and lasts ten years (%s)', async (keyType) => {
    const certificate = new X509Certificate((await selfSignedCertificate(keyType)).cert);
    expect(certificate.subject).toBe('O=Inference Ext');
    expect(certificate.subjectAltName).toBeUndefined();
    expect(certificate.publicKey.asymmetricKeyType).toBe(keyType);
    const days = (certificate.validToDate.getTime() - certificate.validFromDate.getTime()) / 86_400_000;
    expect(Math.abs(days - TEN_YEARS_DAYS)).toBeLessThanOrEqual(1);
  });

  it('is another one every time', async () => {
    const [a, b] = await Promise.all([selfSignedCertificate(), selfSignedCertificate()]);
    expect(a.key).not.toBe(b.key);
  });
});

describe('readCertificate', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'certificate-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const write = async (files: Record<string, string>): Promise<void> => {
    for (const [name, text] of Object.entries(files)) await writeFile(join(directory, name), text);
  };
  const failure = async (): Promise<string> => {
    const error: unknown = await readCertificate(directory).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message;
  };

  it('reads both files', async () => {
    const pair = await selfSignedCertificate();
    await write({ 'tls.crt': pair.cert, 'tls.key': pair.key });
    expect(await readCertificate(directory)).toEqual(pair);
  });

  it('reads a chain, whose first certificate is the server`s', async () => {
    const [pair, issuer] = await Promise.all([selfSignedCertificate(), selfSignedCertificate()]);
    await write({ 'tls.crt': pair.cert + issuer.cert, 'tls.key': pair.key });
    expect((await readCertificate(directory)).cert).toBe(pair.cert + issuer.cert);
  });

  it('names the file that is missing', async () => {
    const pair = await selfSignedCertificate();
    expect(await failure()).toContain(`cannot read ${join(directory, 'tls.crt')}: ENOENT`);
    await write({ 'tls.crt': pair.cert });
    expect(await failure()).toContain(`cannot read ${join(directory, 'tls.key')}: ENOENT`);
  });

  it('names the file that is no PEM', async () => {
    const pair = await selfSignedCertificate();
    await write({ 'tls.crt': 'nonsense', 'tls.key': pair.key });
    expect(await failure()).toContain(`${join(directory, 'tls.crt')} is not a PEM certificate chain`);
    await write({ 'tls.crt': pair.cert, 'tls.key': '' });
    expect(await failure()).toContain(`${join(directory, 'tls.key')} is not an unencrypted PEM private key`);
  });

  it('notices a key of another certificate', async () => {
    const [pair, other] = await Promise.all([selfSignedCertificate(), selfSignedCertificate()]);
    await write({ 'tls.crt': pair.cert, 'tls.key': other.key });
    expect(await failure()).toContain('tls.key is not the key of');
  });
});
