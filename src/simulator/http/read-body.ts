import type { IncomingMessage } from 'node:http';
import { ApiError } from './api-error.ts';

/** Reads a whole request body as UTF-8. Rejects with 413 past `maxBytes`, and when the client leaves half-way. */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const tooLarge = new ApiError(413, `request body is larger than ${maxBytes} bytes`);
    if (Number(request.headers['content-length'] ?? 0) > maxBytes) {
      reject(tooLarge);
      return;
    }
    const pieces: Buffer[] = [];
    let bytes = 0;
    request.on('data', (piece: Buffer) => {
      bytes += piece.length;
      if (bytes <= maxBytes) pieces.push(piece);
      else reject(tooLarge);
    });
    request.on('end', () => resolve(Buffer.concat(pieces).toString()));
    request.on('error', reject);
    request.on('close', () => reject(new ApiError(400, 'request body ended early')));
  });
}

/** Parses a JSON object. Throws `ApiError` 400. */
export function parseJsonObject(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ApiError(400, 'request body is not valid JSON');
  }
  if (!isObject(value)) throw new ApiError(400, 'request body must be a JSON object');
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
