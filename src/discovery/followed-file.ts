import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { ConfigErrors } from '../config/problems.ts';
import { errorMessage } from '../lib/error-message.ts';
import { type PathWatch, watchPath } from './watch-path.ts';

const MAX_BYTES = 1024 * 1024;

/** What is done with the file's text. */
export interface FollowedFileParts {
  readonly path: string;
  /** Whether changes are looked for after the first load. Default: yes. */
  readonly follow?: boolean;
  /** Takes over good text; says what is wrong with bad text, a line each, and then must have changed nothing. */
  apply(text: string): readonly string[];
  /** Changed text was taken over. */
  readonly onReload?: (() => void) | undefined;
  /** Changed text was refused, or the file cannot be read any more. At most 51 lines. */
  onReloadError(lines: readonly string[]): void;
}

type Loaded = { readonly text: string } | { readonly unreadable: string };

/** A small text file that is read once and then again whenever it changes. */
export class FollowedFile {
  readonly #parts: FollowedFileParts;
  /** What the file held at the last look, good or bad, so that nothing is told twice. */
  #seen = '';
  #watch: PathWatch | undefined;
  #reload: Promise<void> | undefined;
  #lookAgain = false;
  #closed = false;

  constructor(parts: FollowedFileParts) {
    this.#parts = parts;
  }

  /** Resolves after the first load; rejects with `ConfigErrors` when that finds anything wrong. */
  async start(): Promise<void> {
    const errors = this.#take(await load(this.#parts.path));
    if (errors.length > 0) throw new ConfigErrors(errors);
    const { path, follow = true } = this.#parts;
    if (follow && !this.#closed) this.#watch = watchPath(path, () => this.#changed());
  }

  /** After this resolves nothing is applied any more. May be called twice, and before `start`. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#watch?.close();
    await this.#reload;
  }

  /** One load at a time; a change during a load makes one more. */
  #changed(): void {
    this.#lookAgain = true;
    this.#reload ??= this.#reloadWhileChanged().finally(() => {
      this.#reload = undefined;
    });
  }

  async #reloadWhileChanged(): Promise<void> {
    while (this.#lookAgain && !this.#closed) {
      this.#lookAgain = false;
      const loaded = await load(this.#parts.path);
      if (this.#closed || fingerprint(loaded) === this.#seen) continue;
      const errors = this.#take(loaded);
      if (errors.length === 0) this.#parts.onReload?.();
      else this.#parts.onReloadError(new ConfigErrors(errors).lines);
    }
  }

  #take(loaded: Loaded): readonly string[] {
    this.#seen = fingerprint(loaded);
    return 'text' in loaded ? this.#parts.apply(loaded.text) : [loaded.unreadable];
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
    if (!(await file.stat()).isFile()) return { unreadable: `${path}: is not a regular file` };
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
    const reason = errorMessage(error);
    return { unreadable: `${path}: cannot be read: ${reason}` };
  }
}
