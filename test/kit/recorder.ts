import type { RequestRecorder } from '../../src/request/recorder.ts';

/** Writes down what a request's life was told to, one word an event. */
export function listRecorder(): RequestRecorder & { readonly events: string[] } {
  const events: string[] = [];
  return {
    events,
    accepted: ({ model }) => {
      events.push(`accepted ${model}`);
      return {
        serverError: () => events.push('server error'),
        firstByte: (seconds, streaming) => events.push(`first byte ${seconds}${streaming ? ' streaming' : ''}`),
        nextPiece: (seconds) => events.push(`next piece ${seconds}`),
        complete: (seconds, bytes) => events.push(`complete ${seconds} ${bytes}`),
        usage: ({ promptTokens, completionTokens, cachedTokens }) =>
          events.push(`usage ${promptTokens} ${completionTokens} ${cachedTokens}`),
        pace: (perToken, perNextToken) => events.push(`pace ${perToken} ${perNextToken}`),
        processed: () => {},
        end: () => events.push('end'),
      };
    },
    refused: (request, code) => events.push(`refused ${request?.model ?? '-'} ${code}`),
    scheduled: (_seconds, status, model, endpoint) =>
      events.push(`scheduled ${status} ${model} ${endpoint?.name ?? '-'}`),
    rewritten: (rule, model, target) => events.push(`rewritten ${rule} ${model || '-'} ${target || '-'}`),
    requestProcessed: () => events.push('processed'),
  };
}
