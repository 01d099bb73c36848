import { type ErrorCode, type Rejection, rejectionBody } from '../core/errors.ts';
import type { Dialect } from '../core/request.ts';

/** The bytes a refused client reads. */
export interface ErrorBody {
  readonly text: string;
  /** Undefined for plain text, which is what proxies declare by themselves. */
  readonly contentType: string | undefined;
}

/** What each API calls an error of ours. */
interface ErrorTypes {
  readonly openai: string;
  readonly anthropic: string;
}

/**
 * The closed table of error types; `ERROR_CODES` in `core/errors.ts` has the HTTP status of each. Sources: the error
 * sections of OpenAI's and Anthropic's API references; neither knows 412, which is a condition the request set itself.
 */
const ERROR_TYPES: Readonly<Record<ErrorCode, ErrorTypes>> = {
  BadRequest: { openai: 'invalid_request_error', anthropic: 'invalid_request_error' },
  Unauthorized: { openai: 'authentication_error', anthropic: 'authentication_error' },
  Forbidden: { openai: 'permission_error', anthropic: 'permission_error' },
  NotFound: { openai: 'not_found_error', anthropic: 'not_found_error' },
  PreconditionFailed: { openai: 'invalid_request_error', anthropic: 'invalid_request_error' },
  ResourceExhausted: { openai: 'rate_limit_error', anthropic: 'rate_limit_error' },
  Internal: { openai: 'server_error', anthropic: 'api_error' },
  ServiceUnavailable: { openai: 'server_error', anthropic: 'overloaded_error' },
};

/** Who spells the errors of a dialect. A gRPC client reads no body of a refusal, but its proxy logs the text. */
const SPELLINGS: Readonly<Record<Dialect, keyof ErrorTypes | 'text'>> = {
  openai: 'openai',
  responses: 'openai',
  vllm: 'openai',
  sglang: 'openai',
  anthropic: 'anthropic',
  'vllm-grpc': 'text',
  'vllm-grpc-embed': 'text',
  'vertex-chat': 'text',
  'vertex-responses': 'text',
  none: 'text',
};

const JSON_TYPE = 'application/json';

/**
 * A refusal as the client's API spells errors: OpenAI's object (which vLLM and SGLang share), Anthropic's, or plain
 * text over gRPC and where nobody knows the API. The message is the contract's text (4.1) in all of them, so that what people search
 * their logs for is the same; OpenAI's `code` is the `error_code` label of the metrics.
 */
export function errorBody(rejection: Rejection, dialect: Dialect): ErrorBody {
  const message = rejectionBody(rejection);
  const { code } = rejection;
  const spelling = SPELLINGS[dialect];
  if (spelling === 'text') return { text: message, contentType: undefined };
  const shape =
    spelling === 'anthropic'
      ? { type: 'error', error: { type: ERROR_TYPES[code].anthropic, message } }
      : { error: { message, type: ERROR_TYPES[code].openai, param: null, code } };
  return { text: JSON.stringify(shape), contentType: JSON_TYPE };
}
