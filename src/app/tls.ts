import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '../core/errors.ts';
import { watchPath } from '../discovery/watch-path.ts';
import { type Certificate, readCertificate, selfSignedCertificate } from '../ext-proc/certificate.ts';
import type { KeyPair, ListenerTls } from '../ext-proc/listener.ts';
import { errorMessage } from '../lib/error-message.ts';
import type { Logger } from '../telemetry/log.ts';
import type { PickerSettings } from './settings.ts';

/** TLS of the gRPC port, or undefined for cleartext. Rejects with `ConfigError`. */
export async function grpcTls(settings: PickerSettings, log: Logger): Promise<(ListenerTls & Certificate) | undefined> {
  if (!settings.secure) return undefined;
  const { certPath, tls } = settings;
  if (tls !== undefined && tls.missing.length > 0) {
    log.warn({ suites: tls.missing }, 'this build of OpenSSL lacks cipher suites that were asked for');
  }
  const pair = certPath === undefined ? await selfSignedCertificate(tls?.keyType) : await readCertificate(certPath);
  return { ...pair, minVersion: tls?.minVersion, ciphers: tls?.ciphers };
}

/** What the metrics port's TLS is made of, PEM. */
export interface MetricsTls extends Certificate {
  /** Clients must show a certificate of one of these authorities. */
  readonly clientCa: string | undefined;
}

/** TLS of the metrics port, or undefined for cleartext. Rejects with `ConfigError`. */
export async function metricsTls(settings: PickerSettings): Promise<MetricsTls | undefined> {
  const { metricsCertDir, metricsClientCaFile } = settings;
  if (metricsCertDir === undefined) return undefined;
  const pair = await readCertificate(metricsCertDir, '--metrics-cert-dir');
  return {
    ...pair,
    clientCa: metricsClientCaFile === undefined ? undefined : await readAuthorities(metricsClientCaFile),
  };
}

/** A certificate directory that is followed. */
export interface CertificateWatch {
  stop(): void;
}

/** Where further pairs and trouble go. */
interface FollowOptions {
  readonly apply: (pair: KeyPair) => void;
  readonly log: Logger;
  readonly onError: () => void;
  /** The flag the directory came from. */
  readonly flag: string;
}

/**
 * Gives `apply` every further pair of a directory. A pair that cannot be read or that `apply` throws at is logged, once
 * until it changes, and the old one stays; a writer that replaces the two files one after the other is such a moment.
 */
export function followCertificate(
  directory: string,
  current: Certificate,
  { apply, log, onError, flag }: FollowOptions,
): CertificateWatch {
  let served = current;
  let complained = '';
  const look = async (): Promise<void> => {
    try {
      const pair = await readCertificate(directory, flag);
      complained = '';
      if (pair.cert === served.cert && pair.key === served.key) return;
      apply(pair);
      served = pair;
      log.info({ directory, validTo: new X509Certificate(pair.cert).validTo }, 'certificate reloaded');
    } catch (error) {
      const reason = errorMessage(error);
      if (reason === complained) return;
      complained = reason;
      log.error({ directory, reason }, 'certificate not reloaded; the last good one stays');
      onError();
    }
  };
  // One look at a time, so that an older pair never replaces a newer one.
  let looking = Promise.resolve();
  const watch = watchPath(join(directory, 'tls.crt'), () => {
    looking = looking.then(look);
  });
  return { stop: () => watch.close() };
}

async function readAuthorities(file: string): Promise<string> {
  const what = `--metrics-client-ca-file ${file}`;
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new ConfigError(`cannot read ${what}: ${(error as Error).message}`);
  }
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    if (blocks.length === 0) throw new Error('no CERTIFICATE block in it');
    blocks.forEach((block) => new X509Certificate(block));
  } catch (error) {
    throw new ConfigError(`${what} is not a PEM file of certificates: ${(error as Error).message}`);
  }
  return text;
}
