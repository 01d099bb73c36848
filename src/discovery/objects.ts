import type { InferenceObjective } from '../datastore/objectives.ts';
import type { ModelRewrite } from '../datastore/rewrites.ts';
import { FollowedFile } from './followed-file.ts';
import { readObjects } from './objects-file.ts';
import type { DiscoveryLog } from './source.ts';

/** Where discovered objects go. */
export interface ObjectSink {
  /** The pool now has exactly these. */
  replace(objectives: readonly InferenceObjective[], rewrites: readonly ModelRewrite[]): void;
}

/** Which file, and who hears what. */
export interface ObjectsFileParts {
  readonly path: string;
  /** Leave out objects whose `poolRef` names another pool; undefined takes all. */
  readonly poolName?: string | undefined;
  readonly sink: ObjectSink;
  readonly log: DiscoveryLog;
  /** A changed file was refused, and why; the objects stay as they were. */
  readonly onReloadError?: (lines: readonly string[]) => void;
}

/**
 * Loads objectives and model rewrites from a file and follows its changes until `close`. Rejects with `ConfigErrors`
 * when the first load finds anything wrong; a later load that does leaves every object as it was.
 */
export async function startObjectsFile(parts: ObjectsFileParts): Promise<{ close(): Promise<void> }> {
  const { path, poolName, sink, log } = parts;
  const file = new FollowedFile({
    path,
    apply(text) {
      const { objectives, rewrites, errors, warnings } = readObjects(text, path, poolName);
      if (errors.length > 0) return errors;
      for (const warning of warnings) log.warn(warning);
      sink.replace(objectives, rewrites);
      return [];
    },
    onReloadError(lines) {
      for (const line of lines) log.error(`${line}; the objects stay as they were`);
      parts.onReloadError?.(lines);
    },
  });
  await file.start();
  return file;
}
