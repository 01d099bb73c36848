/** k6's console, which its types leave out. Goes to k6's log. */
declare const console: Readonly<Record<'log' | 'info' | 'warn' | 'error', (message: string) => void>>;
