import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '../core/errors.ts';
import { errorMessage } from '../lib/error-message.ts';

const VALID_YEARS = 10;

/** A certificate chain and its private key, PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/**
 * Makes the certificate that is served when none was given: organization "Inference Ext", ten years, no host name, so
 * that clients must skip verification. Contract `wire-protocol.md` 6.2, except for the key: the contract's RSA-4096
 * takes seconds to find, P-256 a few milliseconds. Ask for `rsa` (2048 bits) when the cipher suites allow RSA
 * certificates only.
 */
export async function selfSignedCertificate(keyType: 'ec' | 'rsa' = 'ec'): Promise<Certificate> {
  // Loading the library takes longer than making the certificate; who brings a certificate pays neither.
  const { generate } = await import('selfsigned');
  const notBeforeDate = new Date();
  const notAfterDate = new Date(notBeforeDate);
  notAfterDate.setFullYear(notAfterDate.getFullYear() + VALID_YEARS);
  const made = await generate([{ name: 'organizationName', value: 'Inference Ext' }], {
    algorithm: 'sha256',
    keyType,
    notBeforeDate,
    notAfterDate,
    // Named here because the library's default adds the host name `localhost`.
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
    ],
  });
  return { cert: `${made.cert.trimEnd()}\n`, key: made.private };
}

/**
 * Reads `tls.crt` and `tls.key` of a directory, the layout of a Kubernetes TLS secret. Throws `ConfigError`, which names
 * the flag the directory came from.
 */
export async function readCertificate(directory: string, flag = '--cert-path'): Promise<Certificate> {
  const certPath = join(directory, 'tls.crt');
  const keyPath = join(directory, 'tls.key');
  const cert = await readPem(certPath, flag);
  const key = await readPem(keyPath, flag);
  const certificate = parse(certPath, 'a PEM certificate chain', () => new X509Certificate(cert));
  const privateKey: KeyObject = parse(keyPath, 'an unencrypted PEM private key', () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new ConfigError(`${keyPath} is not the key of ${certPath}: write both files from the same key pair`);
  }
  return { cert, key };
}

async function readPem(path: string, flag: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new ConfigError(`cannot read ${path}: ${errorMessage(error)}; mount a TLS secret there or change ${flag}`);
  }
}

function parse<T>(path: string, expected: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new ConfigError(`${path} is not ${expected}: ${errorMessage(error)}`);
  }
}
