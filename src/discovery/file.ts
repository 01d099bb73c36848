import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import * as v from 'valibot';
import { ConfigErrors } from '../config/problems.ts';
import type { EndpointSpec } from '../core/endpoint.ts';
import { definePlugin } from '../core/plugin.ts';
import { isDnsName, readEndpoints } from './endpoints-file.ts';
import type { DiscoveryLog, DiscoverySource, EndpointSink } from './source.ts';
import { type PathWatch, watchPath } from './watch-path.ts';

const MAX_BYTES = 1024 * 1024;

const config = v.object({
  path: v.pipe(v.optional(v.string(), ''), v.nonEmpty("file-discovery: 'path' parameter is required")),
  watchFile: v.optional(v.boolean(), false),
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
  settings: FileDiscoverySettings,
  { sink, ...parts }: FileDiscoveryParts,
): Promise<DiscoverySource> {
  const source = new FileDiscovery(settings, parts);
  await source.start(sink);
  return source;
}

type Loaded = { readonly text: string } | { readonly unreadable: string };

class FileDiscovery implements DiscoverySource {
  readonly #settings: FileDiscoverySettings;
  readonly #parts: Omit<FileDiscoveryParts, 'sink'>;
  /** What the file held at the last look, good or bad, so that nothing is told twice. */
  #seen = '';
  #dnsNames: ReadonlySet<string> = new Set();
  #watch: PathWatch | undefined;
  #reload: Promise<void> | undefined;
  #lookAgain = false;
  #closed = false;

  constructor(settings: FileDiscoverySettings, parts: Omit<FileDiscoveryParts, 'sink'>) {
    this.#settings = settings;
    this.#parts = parts;
  }

  async start(sink: EndpointSink): Promise<void> {
    const errors = this.#apply(await load(this.#settings.path), sink);
    if (errors.length > 0) throw new ConfigErrors(errors);
    if (this.#settings.watchFile && !this.#closed) {
      this.#watch = watchPath(this.#settings.path, () => this.#changed(sink));
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#watch?.close();
    await this.#reload;
  }

  /** One load at a time; a change during a load makes one more. */
  #changed(sink: EndpointSink): void {
    this.#lookAgain = true;
    this.#reload ??= this.#reloadWhileChanged(sink).finally(() => {
      this.#reload = undefined;
    });
  }

  async #reloadWhileChanged(sink: EndpointSink): Promise<void> {
    while (this.#lookAgain && !this.#closed) {
      this.#lookAgain = false;
      const loaded = await load(this.#settings.path);
      if (this.#closed || fingerprint(loaded) === this.#seen) continue;
      const errors = this.#apply(loaded, sink);
      const { log, onReload, onReloadError } = this.#parts;
      if (errors.length === 0) {
        onReload?.();
        continue;
      }
      for (const line of new ConfigErrors(errors).lines) log.error(`${line}; the endpoints stay as they were`);
      onReloadError?.(errors);
    }
  }

  /** Hands good content to the sink; returns what is wrong with bad content. */
  #apply(loaded: Loaded, sink: EndpointSink): readonly string[] {
    this.#seen = fingerprint(loaded);
    if ('unreadable' in loaded) return [loaded.unreadable];
    const { endpoints, errors, warnings } = readEndpoints(loaded.text, this.#settings.path);
    if (errors.length > 0) return errors;
    for (const warning of warnings) this.#parts.log.warn(warning);
    this.#warnAboutDnsNames(endpoints);
    sink.replace(endpoints);
    return [];
  }

  #warnAboutDnsNames(endpoints: readonly EndpointSpec[]): void {
    const names = new Set(endpoints.map(({ address }) => address).filter(isDnsName));
    for (const name of names) {
      if (this.#dnsNames.has(name)) continue;
      this.#parts.log.warn(`endpoint address ${name} is a DNS name: it needs a gateway that resolves picked endpoints`);
    }
    this.#dnsNames = names;
  }
}

function fingerprint(loaded: Loaded): string {
  return 'text' in loaded ? `text:${loaded.text}` : `unreadable:${loaded.unreadable}`;
}

/** Never rejects: a file that cannot be read is an answer too. */
async function load(path: string): Promise<Loaded> {
  try {
    // Without O_NONBLOCK, opening a named pipe would wait for a writer for ever.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const entry = await file.stat();
    if (!entry.isFile()) return { unreadable: `${path}: is not a regular file` };
    const buffer = Buffer.alloc(MAX_BYTES + 1);
    let size = 0;
    while (size < buffer.length) {
      const { bytesRead } = await file.read(buffer, size, buffer.length - size);
      if (bytesRead === 0) break;
      size += bytesRead;
    }
    if (size > MAX_BYTES) return { unreadable: `${path}: is larger than 1 MiB` };
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, size)) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { unreadable: `${path}: cannot be read: ${reason}` };
  }
}
