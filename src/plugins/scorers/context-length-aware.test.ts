import { describe, expect, it } from 'vitest';
import { idlePool } from '../../../test/kit/pool.ts';
import {
  complaint,
  consumedBy,
  create,
  inferenceRequest,
  inRole,
  keptBy,
  pluginContext,
  scoresOf,
} from '../../../test/kit/plugins.ts';
import { stock } from '../../../test/kit/stock.ts';
import { contextLengthAware } from './context-length-aware.ts';

const RANGES: readonly (string | undefined)[] = ['0-100', '200-300', undefined, 'bad', ' 50 - 60 ', '-5-10', '1-2-3'];

function rig(parameters: object = {}, label = 'llm-d.ai/context-length-range') {
  const endpoints = idlePool(RANGES.length, (i) => {
    const text = RANGES[i];
    return { labels: text === undefined ? {} : { [label]: text } };
  });
  const { board, tell } = stock();
  const context = pluginContext({ endpoints }, board);
  const scorer = create(contextLengthAware, parameters, context);
  const filter = create(inRole(contextLengthAware, 'filter'), parameters, context);
  return { endpoints, tell, scorer, filter };
}

describe('context-length-aware', () => {
  it('prefers nobody and leaves out only bad labels when nobody counted the prompt', () => {
    const { endpoints, scorer, filter } = rig({ enableFiltering: true });
    expect(scoresOf(scorer, inferenceRequest(), endpoints.all)).toEqual([0.5, 0.5, 0.5, 0, 0.5, 0, 0]);
    expect(keptBy(filter, inferenceRequest(), endpoints.all)).toEqual([0, 1, 2, 4]);
  });

  it('takes a prompt without tokens for what it is', () => {
    const { endpoints, filter, tell } = rig({ enableFiltering: true });
    const empty = tell(inferenceRequest(), { tokens: 0 });
    expect(keptBy(filter, empty, endpoints.all)).toEqual([0, 2]);
  });

  it('reads the label it is told to', () => {
    const { endpoints, filter, tell } = rig({ enableFiltering: true, label: 'lengths' }, 'lengths');
    expect(keptBy(filter, tell(inferenceRequest(), { tokens: 55 }), endpoints.all)).toEqual([0, 2, 4]);
  });

  it('ranks any range the prompt is in above any it is not', () => {
    const endpoints = idlePool(2, (i) => ({ labels: { range: ['0-100000000', '0-99999999'][i] } }));
    const { board, tell } = stock();
    const scorer = create(contextLengthAware, { label: 'range' }, pluginContext({ endpoints }, board));
    const [inside, outside] = scoresOf(scorer, tell(inferenceRequest(), { tokens: 100_000_000 }), endpoints.all);
    expect(inside).toBeGreaterThan(0.3);
    expect(outside).toBeLessThan(0.3);
  });

  it('needs the prompt counted', () => {
    expect(consumedBy(contextLengthAware)).toEqual(['TokenizedPrompt/token-producer']);
  });

  it.each([
    [{ label: '' }, 'must not be empty'],
    [{ enableFiltering: 'yes' }, 'Invalid type: Expected boolean but received "yes"'],
    [{}, undefined],
  ])('checks %j', (parameters, message) => {
    expect(complaint(contextLengthAware, parameters)).toBe(message);
  });
});
