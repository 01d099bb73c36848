import { type ChildProcess, spawn } from 'node:child_process';

/**
 * A shell that waits for its stdin to close, which the kernel does however this process ends, and then kills `pid`
 * and removes `folder`. Kill it once `pid` has ended: the number may be given to somebody else.
 */
export function killWithParent(pid: number, folder = ''): ChildProcess {
  const script = 'read -r _; kill -9 "$1" 2>/dev/null; [ -z "$2" ] || rm -rf "$2"';
  const watchdog = spawn('/bin/sh', ['-c', script, 'watchdog', String(pid), folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  watchdog.on('error', () => {
    // No shell here: stopping in order still works.
  });
  watchdog.unref();
  return watchdog;
}

/** Asks a child to end, kills it after `timeoutMs`, and resolves with `ended`. */
export async function stopChild(child: ChildProcess, ended: Promise<void>, timeoutMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return ended;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  await ended;
  clearTimeout(timer);
}
