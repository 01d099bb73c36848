import type { IncomingMessage } from 'node:http';

/** What a token's holder may do: read, not be told apart, or be told no. */
export type Access = 'ok' | 'unauthenticated' | 'forbidden';

/** Decides whether a bearer token's holder may read a path. A rejection is a fault of ours and shows nothing. */
export type Authorize = (token: string, path: string) => Promise<Access>;

/** Above any real token; a service account's has about 1,500. */
const MAX_TOKEN_CHARACTERS = 8_192;

/** Who asks, by the `authorization` header. Without a usable bearer token the reviewer is not asked. */
export async function accessOf(req: IncomingMessage, path: string, authorize: Authorize | undefined): Promise<Access> {
  if (authorize === undefined) return 'ok';
  const token = /^bearer +([^\s]+)$/i.exec(req.headers.authorization ?? '')?.[1];
  if (token === undefined || token.length > MAX_TOKEN_CHARACTERS) return 'unauthenticated';
  return authorize(token, path);
}
