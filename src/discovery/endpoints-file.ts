import { isIP } from 'node:net';
import { isRecord } from '../config/decode.ts';
import { type Path, readDocument } from '../config/document.ts';
import { Problems, show } from '../config/problems.ts';
import type { EndpointSpec } from '../core/endpoint.ts';
import { joinHostPort } from '../lib/host-port.ts';

const DEFAULT_NAMESPACE = 'default';

/** What an endpoints file says, or why it says nothing. */
export interface EndpointsFile {
  /** Every entry that is right, by identity; to be used only when there are no errors. */
  readonly endpoints: readonly EndpointSpec[];
  /** One line each, `<source>:<line>:<column>: endpoints[3].port: ...`. */
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Reads the text of an endpoints file (contract 5.3): YAML or JSON, unknown keys ignored, of two entries with one
 * identity the last wins. Beyond the reference it takes ports as numbers, IPv6 addresses and DNS names. A text without
 * an `endpoints` list is an error, since it is more likely half written than meant to empty the pool; `[]` empties it.
 */
export function readEndpoints(text: string, source: string): EndpointsFile {
  const read = readDocument(text);
  if ('problems' in read) {
    const lines = read.problems.map(({ position: at, message }) => `${source}:${at.line}:${at.column}: ${message}`);
    return { endpoints: [], errors: lines, warnings: [] };
  }
  const { document } = read;
  const problems = new Problems(source, document);
  const list = isRecord(document.value) ? document.value.endpoints : undefined;
  const endpoints = new Map<string, EndpointSpec>();
  if (!isRecord(document.value)) {
    problems.error([], `found ${show(document.value)}, expected a map with a list "endpoints"`);
  } else if (!Array.isArray(list)) {
    problems.error(['endpoints'], `found ${show(list)}, expected a list; write "endpoints: []" for none`);
  } else {
    const entries: readonly unknown[] = list;
    for (const [index, entry] of entries.entries()) addEntry(entry, ['endpoints', index], endpoints, problems);
    warnAboutSharedAddresses([...endpoints.values()], source, problems);
  }
  return { endpoints: [...endpoints.values()], errors: problems.errors, warnings: problems.warnings };
}

/** Whether an address has to be looked up before anyone can connect to it. */
export function isDnsName(address: string): boolean {
  return isIP(address) === 0;
}

function addEntry(entry: unknown, path: Path, endpoints: Map<string, EndpointSpec>, problems: Problems): void {
  if (!isRecord(entry)) {
    problems.error(path, `found ${show(entry)}, expected a map with name, address and port`);
    return;
  }
  const name = readName(entry.name, [...path, 'name'], problems);
  const given = entry.namespace ?? '';
  const namespace = given === '' ? DEFAULT_NAMESPACE : readName(given, [...path, 'namespace'], problems);
  const address = readAddress(entry.address, [...path, 'address'], problems);
  const port = readPort(entry.port, [...path, 'port'], problems);
  const labels = readLabels(entry.labels, [...path, 'labels'], problems);
  if (name === undefined || namespace === undefined || address === undefined || port === undefined) return;
  const id = `${namespace}/${name}`;
  if (endpoints.delete(id)) problems.warn(path, `replaces an earlier entry ${show(id)}`);
  endpoints.set(id, { namespace, name, address, port, labels });
}

function readName(value: unknown, path: Path, problems: Problems): string | undefined {
  if (typeof value === 'string' && /^[^/\s]{1,253}$/.test(value)) return value;
  const right = 'expected a name without spaces and slashes, at most 253 characters';
  problems.error(path, value === undefined ? `is missing, ${right}` : `found ${show(value)}, ${right}`);
  return undefined;
}

function readAddress(value: unknown, path: Path, problems: Problems): string | undefined {
  if (typeof value === 'string') {
    const bare = /^\[.*\]$/.test(value) ? value.slice(1, -1) : value;
    if (isIP(bare) === 4 && bare === value) return bare;
    // A zone index only means something on the machine that wrote it.
    if (isIP(bare) === 6 && !bare.includes('%')) return bare;
    if (isHostname(value)) return value;
  }
  const right = 'expected an IPv4 or IPv6 address or a DNS name, without port';
  problems.error(path, value === undefined ? `is missing, ${right}` : `found ${show(value)}, ${right}`);
  return undefined;
}

/** RFC 1123 with the underscores some clusters use; a last part of digits would be a broken IPv4 address. */
function isHostname(text: string): boolean {
  const labels = text.replace(/\.$/, '').split('.');
  const wellFormed = labels.every((label) => /^[a-z\d_]([a-z\d_-]{0,61}[a-z\d_])?$/i.test(label));
  return text.length <= 253 && wellFormed && !/^\d+$/.test(labels.at(-1) ?? '');
}

function readPort(value: unknown, path: Path, problems: Problems): number | undefined {
  const digits = typeof value === 'string' && /^\d{1,5}$/.test(value);
  const port = digits ? Number(value) : value;
  if (typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  const right = 'expected a port from 1 to 65535';
  problems.error(path, value === undefined ? `is missing, ${right}` : `found ${show(value)}, ${right}`);
  return undefined;
}

function readLabels(value: unknown, path: Path, problems: Problems): Readonly<Record<string, string>> {
  if (value === undefined || value === null) return {};
  if (!isRecord(value)) {
    problems.error(path, `found ${show(value)}, expected a map of texts`);
    return {};
  }
  const labels: [string, string][] = [];
  for (const [key, text] of Object.entries(value)) {
    if (typeof text === 'string') labels.push([key, text]);
    else problems.error([...path, key], `found ${show(text)}, expected a text: put it in quotes`);
  }
  return Object.fromEntries(labels);
}

function warnAboutSharedAddresses(endpoints: readonly EndpointSpec[], source: string, problems: Problems): void {
  const names = new Map<string, string>();
  for (const { namespace, name, address, port } of endpoints) {
    const hostPort = joinHostPort(address, port);
    const first = names.get(hostPort);
    if (first === undefined) names.set(hostPort, name);
    else problems.warnings.push(`${source}: ${namespace}/${name} has the same address as ${first}: ${hostPort}`);
  }
}
