import { describe, expect, it } from 'vitest';
import { recordedEdits } from '../../../test/kit/edits.ts';
import { create, inferenceRequest, pluginContext } from '../../../test/kit/plugins.ts';
import { endpointSpec, idlePool } from '../../../test/kit/pool.ts';
import { disaggHeadersHandler, prefillHeaderHandler } from './disagg-headers.ts';

describe.each([disaggHeadersHandler, prefillHeaderHandler])('$type', (definition) => {
  const headersFor = (picks: Record<string, readonly number[]>, parameters: object = {}) => {
    const endpoints = idlePool(3);
    endpoints.replace([endpointSpec(0), endpointSpec(1), endpointSpec(2, { address: 'fd00::1' })]);
    const { all } = endpoints;
    const slots = Object.entries(picks).map(
      ([profile, indexes]) => [profile, Uint32Array.from(indexes, (index) => all[index])] as const,
    );
    const { edits, headers } = recordedEdits();
    const handler = create(definition, parameters, pluginContext({ endpoints }));
    handler.onPicked?.(inferenceRequest(), { primary: 'decode', picks: new Map(slots) }, edits);
    return headers;
  };

  // Contract 10.1: the first prefill endpoint, every encode endpoint, IPv6 in brackets.
  it.each([
    [{ decode: [0] }, {}],
    [{ decode: [0], prefill: [1, 0] }, { 'x-prefiller-host-port': '10.0.0.2:8000' }],
    [{ decode: [0], encode: [2, 1] }, { 'x-encoder-hosts-ports': '[fd00::1]:8000,10.0.0.2:8000' }],
    [
      { decode: [0], prefill: [2], encode: [1] },
      { 'x-prefiller-host-port': '[fd00::1]:8000', 'x-encoder-hosts-ports': '10.0.0.2:8000' },
    ],
    [{ decode: [0], prefill: [], encode: [] }, {}],
  ])('turns the picks %j into the headers %j', (picks, headers) => {
    expect(headersFor(picks)).toEqual(headers);
  });

  it('looks at profiles under other names', () => {
    const parameters = { prefillProfile: 'p', encodeProfile: 'e' };
    expect(headersFor({ prefill: [0], encode: [0], p: [1], e: [2] }, parameters)).toEqual({
      'x-prefiller-host-port': '10.0.0.2:8000',
      'x-encoder-hosts-ports': '[fd00::1]:8000',
    });
  });
});
