import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Pod } from '../pod.ts';
import { handleAdmin, type AdminControls } from './admin-handler.ts';
import { ApiError, sendError, sendJson, sendText } from './api-error.ts';
import { handleInference } from './inference-handler.ts';
import { handleMetrics } from './metrics-handler.ts';

type Handler = (pod: Pod, request: IncomingMessage, response: ServerResponse, url: URL) => Promise<void> | void;

interface Route {
  readonly method: 'GET' | 'POST';
  readonly handle: Handler;
}

const METRICS: Route = {
  method: 'GET',
  handle: (pod, request, response, url) => handleMetrics(pod, url, request, response),
};
const ROUTES: Readonly<Record<string, Route>> = {
  '/v1/chat/completions': {
    method: 'POST',
    handle: (pod, request, response) => handleInference(pod, 'chat', request, response),
  },
  '/v1/completions': {
    method: 'POST',
    handle: (pod, request, response) => handleInference(pod, 'completions', request, response),
  },
  '/v1/models': { method: 'GET', handle: (pod, _request, response) => sendJson(response, 200, modelList(pod)) },
  '/health': { method: 'GET', handle: (pod, _request, response) => sendHealth(pod, response) },
  '/version': {
    method: 'GET',
    handle: (_pod, _request, response) => sendJson(response, 200, { version: '0.0.0-simulated' }),
  },
  '/metrics': METRICS,
  '/metrics/': METRICS,
};

/** Answers every request of one life of a server. */
export function createRouter(pod: Pod, controls: AdminControls): RequestListener {
  return (request, response) => {
    const url = readUrl(request.url);
    const path = url.pathname;
    response.setHeader('x-inference-pod', encodeURI(pod.options.name));
    const requestId = request.headers['x-request-id'];
    if (requestId !== undefined) response.setHeader('x-request-id', requestId);
    // The way to lift a fault must not be under it.
    if (path.startsWith('/_sim/')) {
      handleAdmin(controls, path, request, response).catch((error: unknown) => fail(response, error));
      return;
    }
    const forget = pod.whenMoving(() => void answer(pod, url, request, response));
    response.once('close', () => {
      forget();
      pod.http.answered(path, response.statusCode);
    });
  };
}

async function answer(pod: Pod, url: URL, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = url;
  try {
    const route = Object.hasOwn(ROUTES, pathname) ? ROUTES[pathname] : undefined;
    if (route === undefined) throw new ApiError(404, `no such path: ${pathname}`);
    if (route.method !== request.method) throw new ApiError(405, `use ${route.method} for ${pathname}`);
    await route.handle(pod, request, response, url);
  } catch (error) {
    fail(response, error);
  }
}

function fail(response: ServerResponse, error: unknown): void {
  if (response.destroyed) return;
  if (response.headersSent) {
    response.socket?.destroy();
    return;
  }
  const known = error instanceof ApiError ? error : new ApiError(500, 'internal error');
  // What is left of a body nobody wants must not be read as the next request.
  if (known.status === 413) response.setHeader('connection', 'close');
  sendError(response, known);
}

function readUrl(target: string | undefined): URL {
  return URL.parse(target ?? '/', 'http://pod') ?? new URL('http://pod/');
}

function sendHealth({ faults }: Pod, response: ServerResponse): void {
  const down = faults.health === 'down' || (faults.health === 'normal' && faults.deadEngine);
  sendText(response, down ? 503 : 200, 'text/plain', '');
}

function modelList({ options, startedSeconds }: Pod): object {
  const { model, adapters, maxModelLen } = options;
  const common = { object: 'model', created: Math.floor(startedSeconds), owned_by: 'vllm' };
  return {
    object: 'list',
    data: [
      { id: model, ...common, root: model, parent: null, max_model_len: maxModelLen },
      ...adapters.map((id) => ({ id, ...common, root: `/adapters/${id}`, parent: model, max_model_len: null })),
    ],
  };
}
