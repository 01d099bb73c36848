import type { IncomingMessage, ServerResponse } from 'node:http';
import { ConfigError } from '../../core/errors.ts';
import { NO_FAULTS, parseFaultPatch, type FaultPatch, type Faults } from '../faults.ts';
import { ApiError, sendJson } from './api-error.ts';
import { parseJsonObject, readBody } from './read-body.ts';

const MAX_PATCH_BYTES = 64 * 1024;

/** What the admin paths can do to a server. */
export interface AdminControls {
  state(): object;
  faults(): Faults;
  setFaults(patch: FaultPatch): Promise<void>;
}

/** Answers `GET /_sim/state` and `GET`, `POST` and `DELETE /_sim/faults`. Rejects with `ApiError`. */
export async function handleAdmin(
  controls: AdminControls,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method } = request;
  if (path === '/_sim/state' && method === 'GET') return sendJson(response, 200, controls.state());
  if (path !== '/_sim/faults') throw new ApiError(404, `no such path: ${path}`);
  switch (method) {
    case 'GET':
      break;
    case 'DELETE':
      await controls.setFaults(NO_FAULTS);
      break;
    case 'POST': {
      const patch = checkPatch(parseJsonObject(await readBody(request, MAX_PATCH_BYTES)));
      if (patch.crash === true) return crashAfterAnswer(controls, patch, response);
      await controls.setFaults(patch);
      break;
    }
    default:
      throw new ApiError(405, 'use GET, POST or DELETE');
  }
  sendJson(response, 200, controls.faults());
}

function checkPatch(input: unknown): FaultPatch {
  try {
    return parseFaultPatch(input);
  } catch (error) {
    throw error instanceof ConfigError ? new ApiError(400, error.message) : error;
  }
}

/** A dead server cannot say that it died, so it says that it will. */
function crashAfterAnswer(controls: AdminControls, patch: FaultPatch, response: ServerResponse): void {
  response.once('close', () => void controls.setFaults(patch));
  response.setHeader('connection', 'close');
  sendJson(response, 202, { crash: true });
}
