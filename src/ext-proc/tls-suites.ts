import { getCiphers, type SecureVersion } from 'node:tls';
import { ConfigError } from '../core/errors.ts';
import { didYouMean } from '../lib/nearest.ts';

/** Go's names of TLS 1.3 suites, which OpenSSL shares. */
const TLS13_SUITES = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];

/**
 * Go's names of older suites, insecure ones included, and OpenSSL's. Source: `CipherSuites` and `InsecureCipherSuites`
 * of Go's crypto/tls, and the IANA names in OpenSSL's manual page `ciphers`.
 */
const OPENSSL_NAMES: Readonly<Record<string, string>> = {
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 'ECDHE-ECDSA-AES128-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 'ECDHE-ECDSA-AES256-SHA',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 'ECDHE-RSA-AES128-SHA',
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 'ECDHE-RSA-AES256-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_RSA_WITH_RC4_128_SHA: 'RC4-SHA',
  TLS_RSA_WITH_3DES_EDE_CBC_SHA: 'DES-CBC3-SHA',
  TLS_RSA_WITH_AES_128_CBC_SHA: 'AES128-SHA',
  TLS_RSA_WITH_AES_256_CBC_SHA: 'AES256-SHA',
  TLS_RSA_WITH_AES_128_CBC_SHA256: 'AES128-SHA256',
  TLS_RSA_WITH_AES_128_GCM_SHA256: 'AES128-GCM-SHA256',
  TLS_RSA_WITH_AES_256_GCM_SHA384: 'AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_RC4_128_SHA: 'ECDHE-ECDSA-RC4-SHA',
  TLS_ECDHE_RSA_WITH_RC4_128_SHA: 'ECDHE-RSA-RC4-SHA',
  TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA: 'ECDHE-RSA-DES-CBC3-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256: 'ECDHE-ECDSA-AES128-SHA256',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256: 'ECDHE-RSA-AES128-SHA256',
};

const VERSIONS: Readonly<Record<string, SecureVersion>> = {
  VersionTLS10: 'TLSv1',
  VersionTLS11: 'TLSv1.1',
  VersionTLS12: 'TLSv1.2',
  VersionTLS13: 'TLSv1.3',
};

/** What a port's handshakes are held to. */
export interface TlsPolicy {
  /** Node's default, 1.2, when undefined. */
  readonly minVersion: SecureVersion | undefined;
  /** Suites in OpenSSL's notation; Node's default when undefined. */
  readonly ciphers: string | undefined;
  /** The kind of key a certificate of ours needs for these suites. */
  readonly keyType: 'ec' | 'rsa';
  /** Suites that were asked for and that this build of OpenSSL does not have, by Go's name. */
  readonly missing: readonly string[];
}

/** Names of `--tls-min-version`. */
export const TLS_VERSION_NAMES: readonly string[] = Object.keys(VERSIONS);

/**
 * Reads Go's names of a version ('' for none) and of suites. As in Go, a list of suites is about TLS 1.2 and older: TLS
 * 1.3 keeps its own unless only its suites are named. Throws `ConfigError` for a name Go does not know, and when this
 * build of OpenSSL has none of the suites.
 */
export function tlsPolicy(version: string, suites: readonly string[]): TlsPolicy {
  const minVersion = Object.hasOwn(VERSIONS, version) ? VERSIONS[version] : undefined;
  if (version !== '' && minVersion === undefined) {
    throw new ConfigError(`unknown TLS version "${version}": write ${TLS_VERSION_NAMES.join(', ')}`);
  }
  const names = [...new Set(suites.map((suite) => suite.trim()))];
  for (const name of names) checkName(name);
  const available = new Set(getCiphers().map((name) => name.toUpperCase()));
  const older = names.filter((name) => Object.hasOwn(OPENSSL_NAMES, name));
  const missing = older.filter((name) => !available.has(OPENSSL_NAMES[name]));
  const usable = older.filter((name) => !missing.includes(name));
  if (usable.length === 0 && missing.length === names.length && names.length > 0) {
    throw new ConfigError(
      `none of the cipher suites ${missing.join(', ')} is in this build of OpenSSL: name a newer one`,
    );
  }
  const listed = [...new Set(usable.map((name) => OPENSSL_NAMES[name]))];
  return {
    minVersion,
    ciphers: cipherList(names.length > 0, listed, minVersion),
    keyType: listed.length > 0 && listed.every((name) => !name.includes('ECDSA')) ? 'rsa' : 'ec',
    missing,
  };
}

function checkName(name: string): void {
  if (Object.hasOwn(OPENSSL_NAMES, name) || TLS13_SUITES.includes(name)) return;
  const known = [...TLS13_SUITES, ...Object.keys(OPENSSL_NAMES)];
  throw new ConfigError(`unknown TLS cipher suite "${name}"${didYouMean(name, known)}: write Go's names of suites`);
}

function cipherList(
  given: boolean,
  listed: readonly string[],
  minVersion: SecureVersion | undefined,
): string | undefined {
  const outdated = minVersion === 'TLSv1' || minVersion === 'TLSv1.1';
  if (!given && !outdated) return undefined;
  // OpenSSL speaks versions before 1.2 at its lowest security level only.
  const suffix = outdated ? ':@SECLEVEL=0' : '';
  // Without a suite of TLS 1.3 in its list Node turns TLS 1.3 off.
  return [...TLS13_SUITES, ...(given ? listed : ['DEFAULT'])].join(':') + suffix;
}
