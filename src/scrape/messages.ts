import type { Engine } from './engines.ts';
import type { LoopSettings, Target } from './loop.ts';
import type { EndpointRef } from './report.ts';

/** What the worker is started with. */
export interface WorkerSettings {
  /** The endpoint table's columns. */
  readonly memory: SharedArrayBuffer;
  readonly engines: readonly Engine[];
  readonly loop: LoopSettings;
  /** Time between two reports. */
  readonly reportMs: number;
  /** Path and query of the page. */
  readonly path: string;
  /** Set for https; PEM texts. */
  readonly tls: TlsSettings | undefined;
}

/** Certificates as PEM texts; undefined where none is configured. */
export interface TlsSettings {
  readonly verify: boolean;
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
}

/** Main thread to worker: the pool has changed. The other way go `ScrapeReport`s. */
export interface TargetsMessage {
  readonly added: readonly Target[];
  readonly removed: readonly EndpointRef[];
}
