import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { ApiError } from './api-error.ts';

const PREFILLER = 'x-prefiller-host-port';
/** Limits of an answer's length; a prefill server makes one token, which nobody reads. */
const LENGTHS = ['max_tokens', 'max_completion_tokens', 'min_tokens'];

/** The server a request names for its prompt; undefined where the decode server computes it. */
export function prefillerOf(headers: IncomingHttpHeaders): string | undefined {
  const value = headers[PREFILLER];
  if (value === undefined || value === '') return undefined;
  const hostPort = String(value);
  if (!/^(\[[\da-f:.]+\]|[\w.-]+):\d{1,5}$/i.test(hostPort)) {
    throw new ApiError(400, `${PREFILLER}: "${hostPort.slice(0, 60)}" is not host:port`);
  }
  return hostPort;
}

/**
 * Has another server compute the prompt, the way llm-d's sidecar does with NIXL (contract `wire-protocol.md` 10.2,
 * `nixlv2`): the same request for one token, which says that a remote server decodes. Rejects with `ApiError`: what the
 * other server answered, or 502 where it did not.
 */
export async function prefillAt(
  hostPort: string,
  path: string,
  body: Record<string, unknown>,
  signal: AbortSignal,
): Promise<void> {
  const { stream_options: _streamOptions, ...rest } = body;
  const limits = Object.fromEntries(LENGTHS.filter((name) => body[name] !== undefined).map((name) => [name, 1]));
  const transfer = { do_remote_decode: true, do_remote_prefill: false };
  const prefill = { ...rest, stream: false, n: 1, max_tokens: 1, ...limits, kv_transfer_params: transfer };
  let answer: Response;
  try {
    answer = await fetch(`http://${hostPort}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-request-id': randomUUID() },
      body: JSON.stringify(prefill),
      signal,
    });
    await answer.arrayBuffer();
  } catch (error) {
    throw new ApiError(502, `prefill server ${hostPort} does not answer: ${(error as Error).message}`);
  }
  if (!answer.ok) throw new ApiError(answer.status, `prefill server ${hostPort} answered ${answer.status}`);
}
