import { describe, expect, it } from 'vitest';
import { ERROR_CODES, type ErrorCode, reject } from '../core/errors.ts';
import { errorBody } from './error-body.ts';

const TYPES: readonly (readonly [code: ErrorCode, openai: string, anthropic: string])[] = [
  ['BadRequest', 'invalid_request_error', 'invalid_request_error'],
  ['Unauthorized', 'authentication_error', 'authentication_error'],
  ['Forbidden', 'permission_error', 'permission_error'],
  ['NotFound', 'not_found_error', 'not_found_error'],
  ['PreconditionFailed', 'invalid_request_error', 'invalid_request_error'],
  ['ResourceExhausted', 'rate_limit_error', 'rate_limit_error'],
  ['Internal', 'server_error', 'api_error'],
  ['ServiceUnavailable', 'server_error', 'overloaded_error'],
];

describe('errorBody', () => {
  it.each(TYPES)('spells %s for every API', (code, openai, anthropic) => {
    const rejection = reject(code, 'say "no"');
    const message = `inference error: ${code} - say "no"`;
    for (const dialect of ['openai', 'responses', 'vllm', 'sglang'] as const) {
      const { text, contentType } = errorBody(rejection, dialect);
      expect(contentType).toBe('application/json');
      expect(JSON.parse(text)).toEqual({ error: { message, type: openai, param: null, code } });
    }
    const { text, contentType } = errorBody(rejection, 'anthropic');
    expect(contentType).toBe('application/json');
    expect(JSON.parse(text)).toEqual({ type: 'error', error: { type: anthropic, message } });
    for (const dialect of ['vllm-grpc', 'vllm-grpc-embed', 'vertex-chat', 'vertex-responses', 'none'] as const) {
      expect(errorBody(rejection, dialect)).toEqual({ text: message, contentType: undefined });
    }
  });

  it('knows every code', () => {
    expect(TYPES.map(([code]) => code).sort()).toEqual(Object.keys(ERROR_CODES).sort());
  });
});
