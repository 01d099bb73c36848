/**
 * What went wrong, as far as it matters for what to do about it: `idle` is a watch that was silent for too long, `absent`
 * is 404, `expired` 410, `busy` 429, `refused` any other 4xx, `garbled` an answer that is none.
 */
export type ApiFault =
  | 'idle'
  | 'unreachable'
  | 'timeout'
  | 'unauthorized'
  | 'forbidden'
  | 'absent'
  | 'conflict'
  | 'expired'
  | 'busy'
  | 'server'
  | 'refused'
  | 'garbled';

/** A request to the API server that did not succeed; the message is one line. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly fault: ApiFault;
  /** What the server asks to wait. */
  readonly retryAfterMs: number | undefined;

  constructor(fault: ApiFault, message: string, retryAfterMs?: number) {
    super(message);
    this.fault = fault;
    this.retryAfterMs = retryAfterMs;
  }
}

const FAULTS: Readonly<Record<number, ApiFault>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'absent',
  409: 'conflict',
  410: 'expired',
  429: 'busy',
};

const MAX_MESSAGE = 400;

/** The error a status code and the text that came with it stand for; the text is most often a `Status` object. */
export function errorOf(code: number, text: string, retryAfter?: string): ApiError {
  const fault = FAULTS[code] ?? (code >= 500 ? 'server' : 'refused');
  const seconds = Number(retryAfter);
  const retryAfterMs = retryAfter !== undefined && seconds > 0 ? seconds * 1000 : undefined;
  return new ApiError(fault, `${code} ${oneLine(statusMessage(text) ?? text)}`.trim(), retryAfterMs);
}

/** What a failed connection is told as: a code where there is one, since messages of lower layers can be empty. */
export function connectionError(error: unknown, server: string): ApiError {
  if (error instanceof ApiError) return error;
  const causes = error instanceof AggregateError ? (error.errors as readonly unknown[]) : [error];
  const texts = causes.map((cause) => {
    const { code, message } = cause as { readonly code?: string; readonly message?: string };
    return message === undefined || message === '' ? (code ?? String(cause)) : message;
  });
  if (causes.some((cause) => codeOf(cause).includes('BODY_TIMEOUT'))) return new ApiError('idle', 'nothing came');
  const timedOut = causes.some((cause) => /TIMEOUT|TimeoutError/.test(codeOf(cause)));
  const why = [...new Set(texts)].join(', ');
  return new ApiError(timedOut ? 'timeout' : 'unreachable', oneLine(`API server ${server}: ${why}`));
}

function codeOf(cause: unknown): string {
  const { code, name } = cause as { readonly code?: string; readonly name?: string };
  return `${code ?? ''} ${name ?? ''}`;
}

function statusMessage(text: string): string | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    const { message } = JSON.parse(text) as { readonly message?: unknown };
    return typeof message === 'string' ? message : undefined;
  } catch {
    return undefined;
  }
}

function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length > MAX_MESSAGE ? `${line.slice(0, MAX_MESSAGE)}...` : line;
}
