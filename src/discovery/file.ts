import * as v from 'valibot';
import type { EndpointSpec } from '../core/endpoint.ts';
import { definePlugin } from '../core/plugin.ts';
import { isDnsName, readEndpoints } from './endpoints-file.ts';
import { FollowedFile } from './followed-file.ts';
import type { DiscoveryLog, DiscoverySource, EndpointSink } from './source.ts';

const config = v.object({
  path: v.pipe(
    v.optional(v.string(), ''),
    v.nonEmpty("file-discovery: 'path' parameter is required"),
    v.description('File with the endpoints, YAML or JSON.'),
  ),
  watchFile: v.optional(v.pipe(v.boolean(), v.description('Whether changes of the file are followed.')), false),
});

/** Which file, and whether to follow its changes. */
export type FileDiscoverySettings = v.InferOutput<typeof config>;

export const fileDiscovery = definePlugin({
  kind: 'discovery',
  type: 'file-discovery',
  stability: 'beta',
  summary: 'Endpoints from a YAML or JSON file, reloaded when it changes if watchFile is set.',
  config,
  create: (settings) => settings,
});

/** Who hears what. */
export interface FileDiscoveryParts {
  readonly sink: EndpointSink;
  readonly log: DiscoveryLog;
  /** A changed file was taken over. */
  readonly onReload?: () => void;
  /** A changed file was refused, and why; the endpoints stay as they were. */
  readonly onReloadError?: (lines: readonly string[]) => void;
}

/**
 * Loads the file and, if asked, follows it until `close`. Rejects with `ConfigErrors` when the first load finds
 * anything wrong; a later load that does leaves every endpoint as it was.
 */
export async function startFileDiscovery(
  { path, watchFile }: FileDiscoverySettings,
  { sink, log, onReload, onReloadError }: FileDiscoveryParts,
): Promise<DiscoverySource> {
  let dnsNames: ReadonlySet<string> = new Set();
  const file = new FollowedFile({
    path,
    follow: watchFile,
    apply(text) {
      const { endpoints, errors, warnings } = readEndpoints(text, path);
      if (errors.length > 0) return errors;
      for (const warning of warnings) log.warn(warning);
      dnsNames = warnAboutDnsNames(endpoints, dnsNames, log);
      sink.replace(endpoints);
      return [];
    },
    onReload,
    onReloadError(lines) {
      for (const line of lines) log.error(`${line}; the endpoints stay as they were`);
      onReloadError?.(lines);
    },
  });
  await file.start();
  return file;
}

/** Warns of each name that was not there before; returns the names that are there now. */
function warnAboutDnsNames(
  endpoints: readonly EndpointSpec[],
  known: ReadonlySet<string>,
  log: DiscoveryLog,
): ReadonlySet<string> {
  const names = new Set(endpoints.map(({ address }) => address).filter(isDnsName));
  for (const name of names.difference(known)) {
    log.warn(`endpoint address ${name} is a DNS name: it needs a gateway that resolves picked endpoints`);
  }
  return names;
}
