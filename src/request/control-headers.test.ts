import { describe, expect, it } from 'vitest';
import { headersOf } from '../../test/kit/headers.ts';
import { controlValue, FAIRNESS_ID, headersToRemove, MODEL_REWRITE, OBJECTIVE } from './control-headers.ts';

describe('headersToRemove', () => {
  it.each([
    'x-llm-d-inference-objective',
    'x-gateway-inference-objective',
    'x-llm-d-inference-fairness-id',
    'x-gateway-inference-fairness-id',
    'x-llm-d-model-name-rewrite',
    'x-gateway-model-name-rewrite',
    'x-llm-d-slo-ttft-ms',
    'x-slo-ttft-ms',
    'x-llm-d-slo-tpot-ms',
    'x-slo-tpot-ms',
    'x-llm-d-video-fps',
    'x-llm-d-video-duration-seconds',
    'x-llm-d-video-resolution',
    'x-llm-d-request-dropped-reason',
    'x-gateway-destination-endpoint-subset',
    'x-gateway-destination-endpoint-served',
    'x-prefiller-host-port',
    'x-encoder-hosts-ports',
    'x-data-parallel-host-port',
    'x-kv-cache-source-host-port',
  ])('names %s where the request has it', (name) => {
    expect(headersToRemove(headersOf({ [name]: '9.9.9.9:1', 'x-mine': '1' }))).toEqual([name]);
  });

  it('names nothing else', () => {
    expect(headersToRemove({ get: () => 'there' })).toHaveLength(20);
    const usual = {
      ':path': '/',
      'x-request-id': 'r',
      'x-session-token': 't',
      prefer: 'if-available',
      traceparent: '0',
    };
    expect(headersToRemove(headersOf(usual))).toEqual([]);
    expect(headersToRemove(headersOf({ 'x-gateway-destination-endpoint': '9.9.9.9:1' }))).toEqual([]);
  });

  it('names a header that is there without a value', () => {
    expect(headersToRemove(headersOf({ 'x-prefiller-host-port': '' }))).toEqual(['x-prefiller-host-port']);
  });
});

describe('controlValue', () => {
  it.each([OBJECTIVE, FAIRNESS_ID, MODEL_REWRITE])('of $name', ({ name, deprecated }) => {
    const control = { name, deprecated };
    const old = deprecated ?? '';
    expect(controlValue(headersOf({}), control)).toBeUndefined();
    expect(controlValue(headersOf({ [old]: 'b' }), control)).toBe('b');
    expect(controlValue(headersOf({ [name]: 'a', [old]: 'b' }), control)).toBe('a');
    expect(controlValue(headersOf({ [name]: '', [old]: '' }), control)).toBeUndefined();
  });
});
