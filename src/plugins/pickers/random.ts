import { definePlugin } from '../../core/plugin.ts';
import { pickerParameters } from './parameters.ts';
import { shuffle } from './shuffle.ts';

/** Takes endpoints uniformly at random, whatever their scores. */
export const randomPicker = definePlugin({
  kind: 'picker',
  type: 'random-picker',
  stability: 'beta',
  summary: 'Picks endpoints uniformly at random; scores are ignored.',
  config: pickerParameters,
  create: ({ maxNumOfEndpoints }, { random }) => ({
    maxEndpoints: maxNumOfEndpoints,
    pick: (candidates, _scores, count) => shuffle(candidates, count, random),
  }),
});
