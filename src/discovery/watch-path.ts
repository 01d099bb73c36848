import { type FSWatcher, watch } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Writers touch a file several times in a row; one look afterwards is enough. */
const SETTLE_MS = 50;
/** Looks without any event: for file systems that send none, and for directories that were put back in place. */
const POLL_MS = 5000;
/** The same while a directory cannot be watched. */
const RETRY_MS = 500;

/** Calls back soon after anything may have happened to a file. */
export interface PathWatch {
  close(): void;
}

/**
 * Watches the directory of `path`, never the file itself: a watch on a file dies with the file, but editors and
 * Kubernetes replace files by renaming. Where `path` is a symbolic link the directory of its target is watched too.
 * `onChange` may be called although nothing changed.
 */
export function watchPath(path: string, onChange: () => void): PathWatch {
  let watchers: FSWatcher[] = [];
  /** Set from the moment a look is due until it has its watches. */
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const lookIn = (delayMs: number): void => {
    timer ??= setTimeout(() => void look(), delayMs).unref();
  };
  const closeWatchers = (): void => {
    for (const watcher of watchers) watcher.close();
    watchers = [];
  };
  // Watches are made anew each time, before the caller reads: one on a directory that was removed and put back says
  // nothing any more, even where the new directory got the old one's inode.
  const look = async (): Promise<void> => {
    const wanted = await directories(path);
    if (closed) return;
    closeWatchers();
    watchers = wanted.flatMap((directory) => open(directory, () => lookIn(SETTLE_MS)) ?? []);
    timer = undefined;
    if (watchers.length < wanted.length) lookIn(RETRY_MS);
    onChange();
  };

  const poll = setInterval(() => lookIn(0), POLL_MS).unref();
  lookIn(0);
  return {
    close(): void {
      closed = true;
      clearInterval(poll);
      clearTimeout(timer);
      closeWatchers();
    },
  };
}

function open(directory: string, onEvent: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(directory, { persistent: false }, onEvent);
    watcher.on('error', onEvent);
    return watcher;
  } catch {
    // Gone, or no watches left in the kernel.
    return undefined;
  }
}

async function directories(path: string): Promise<string[]> {
  const target = await realpath(path).catch(() => path);
  return [...new Set([dirname(path), dirname(target)])];
}
