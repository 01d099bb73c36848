import type { EndpointFact, EndpointRef } from '../datastore/endpoint-facts.ts';
import type { Engine } from './engines.ts';
import type { LoopSettings, Target } from './loop.ts';
import type { ScrapeReport } from './report.ts';

/** What is read, and into what. */
export type ReadTask =
  | {
      readonly kind: 'metrics';
      /** The endpoint table's columns. */
      readonly memory: SharedArrayBuffer;
      readonly engines: readonly Engine[];
      /** Columns of custom attributes, by key. */
      readonly attributes: ReadonlyMap<string, SharedArrayBuffer>;
    }
  | { readonly kind: 'models' };

/** What the worker is started with. */
export interface WorkerSettings {
  readonly task: ReadTask;
  readonly loop: LoopSettings;
  /** Time between two reports. */
  readonly reportMs: number;
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

/** Main thread to worker: the pool has changed. */
export interface TargetsMessage {
  readonly added: readonly Target[];
  readonly removed: readonly EndpointRef[];
}

/** Worker to main thread: what servers newly tell, one fact of a kind per endpoint. */
export interface FactsMessage {
  readonly kind: 'facts';
  readonly facts: readonly EndpointFact[];
}

export type WorkerMessage = ScrapeReport | FactsMessage;
