import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { ConfigError } from '../core/errors.ts';
import { errorMessage } from '../lib/error-message.ts';
import type { TlsSettings } from './messages.ts';
import type { HttpSourceSettings } from './sources.ts';

/** Reads the certificate files of a source. Throws `ConfigError` that names the parameter. */
export function readTls(source: HttpSourceSettings): TlsSettings {
  const tls = {
    verify: !source.insecureSkipVerify,
    ca: readPem(source, 'caCertPath'),
    cert: readPem(source, 'clientCertPath'),
    key: readPem(source, 'clientKeyPath'),
  };
  try {
    // The worker makes the one it uses; this one finds a bad file before there is a worker.
    createSecureContext({ ca: tls.ca, cert: tls.cert, key: tls.key });
  } catch (error) {
    throw new ConfigError(`${source.type}: certificates cannot be used: ${errorMessage(error)}`);
  }
  return tls;
}

function readPem(
  source: HttpSourceSettings,
  parameter: 'caCertPath' | 'clientCertPath' | 'clientKeyPath',
): string | undefined {
  const path = source[parameter];
  if (path === undefined) return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(`${source.type}: ${parameter} "${path}" cannot be read: ${errorMessage(error)}`);
  }
}
