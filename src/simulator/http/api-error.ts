import type { ServerResponse } from 'node:http';

const TYPES: Record<number, string> = {
  400: 'BadRequestError',
  404: 'NotFoundError',
  405: 'MethodNotAllowedError',
  413: 'RequestEntityTooLargeError',
  429: 'RateLimitError',
  500: 'InternalServerError',
  503: 'ServiceUnavailableError',
};

/** An answer that is not what the client hoped for. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: number;
  /** The request field at fault. */
  readonly param: string | null;

  constructor(status: number, message: string, param: string | null = null) {
    super(message);
    this.status = status;
    this.param = param;
  }
}

/** Answers in the OpenAI error shape. */
export function sendError(response: ServerResponse, error: ApiError): void {
  const type = TYPES[error.status] ?? 'Error';
  sendJson(response, error.status, {
    error: { message: error.message, type, param: error.param, code: error.status },
  });
}

/** Answers with a whole JSON document. */
export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  sendText(response, status, 'application/json', JSON.stringify(body));
}

/** Answers with a whole text. */
export function sendText(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
