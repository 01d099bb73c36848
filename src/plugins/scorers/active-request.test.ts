import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { dataKey, INFLIGHT_LOAD } from '../../core/data.ts';
import { ConfigError } from '../../core/errors.ts';
import { idlePool } from '../../../test/kit/pool.ts';
import { complaint, consumedBy, create, inferenceRequest, pluginContext, scoresOf } from '../../../test/kit/plugins.ts';
import { stock } from '../../../test/kit/stock.ts';
import { activeRequestScorer } from './active-request.ts';

const warnings = (parameters: object) =>
  activeRequestScorer.warnings?.(v.parse(activeRequestScorer.config, parameters));

describe('active-request-scorer', () => {
  it('counts what is in flight now, not when it was made', () => {
    const endpoints = idlePool(2);
    const { board, load } = stock();
    const scorer = create(activeRequestScorer, {}, pluginContext({ endpoints }, board));
    expect(scoresOf(scorer, inferenceRequest(), endpoints.all)).toEqual([1, 1]);
    load.requestsBySlot[1] = 3;
    expect(scoresOf(scorer, inferenceRequest(), endpoints.all)).toEqual([1, 0]);
  });

  it('takes the greatest count of its candidates, not of the pool', () => {
    const endpoints = idlePool(3);
    const { board, load } = stock();
    load.requestsBySlot.set([1, 2, 100]);
    const scorer = create(activeRequestScorer, {}, pluginContext({ endpoints }, board));
    expect(scoresOf(scorer, inferenceRequest(), Uint32Array.of(1, 0))).toEqual([0, 0.5]);
  });

  it('listens to the producer it is told to', () => {
    expect(consumedBy(activeRequestScorer)).toEqual(['InFlightLoadDataKey/inflight-load-producer']);
    expect(consumedBy(activeRequestScorer, { inFlightLoadProducerName: 'mine' })).toEqual(['InFlightLoadDataKey/mine']);
    const { board } = stock();
    const make = () => create(activeRequestScorer, { inFlightLoadProducerName: 'mine' }, pluginContext({}, board));
    expect(make).toThrow(ConfigError);
    const load = { requestsBySlot: Float64Array.of(2, 4), tokensBySlot: new Float64Array(2) };
    board.share(dataKey(INFLIGHT_LOAD, 'mine'), load);
    expect(scoresOf(make(), inferenceRequest(), Uint32Array.of(0, 1))).toEqual([0.5, 0]);
  });

  it('says what it ignores', () => {
    expect(warnings({})).toEqual([]);
    expect(warnings({ maxBusyScore: 0, idleThreshold: -1 })).toEqual([]);
    expect(warnings({ maxBusyScore: 1.01, requestTimeout: '2m' })).toEqual([
      { at: ['maxBusyScore'], message: 'is not between 0 and 1: ignored, 1 is used' },
      {
        at: ['requestTimeout'],
        message: 'is deprecated and ignored: requests are counted to the end of their streams',
      },
    ]);
  });

  it.each([
    [{ idleThreshold: 0.5 }, 'Invalid integer: Received 0.5'],
    [{ requestTimeout: 5 }, 'Invalid type: Expected string but received 5'],
  ])('refuses %j', (parameters, message) => {
    expect(complaint(activeRequestScorer, parameters)).toBe(message);
  });
});
