import { definePlugin } from '../../core/plugin.ts';
import { pickerParameters } from './parameters.ts';
import { Ranking, type ReadTies } from './ranking.ts';

/**
 * Takes the highest scores. Ties go to the endpoint with the fewest picks its server cannot have reported yet, then
 * to chance: a burst between two scrapes spreads instead of gathering where the dice fall.
 */
export const maxScorePicker = definePlugin({
  kind: 'picker',
  type: 'max-score-picker',
  stability: 'beta',
  summary: 'Picks the endpoints with the highest scores; ties go to the least recently loaded, then to chance.',
  config: pickerParameters,
  create: ({ maxNumOfEndpoints }, { endpoints, random }) => {
    const ranking = new Ranking(random);
    const readUnseen: ReadTies = (slots, out) => endpoints.readUnseen(slots, out);
    return {
      maxEndpoints: maxNumOfEndpoints,
      pick: (candidates, scores, count) => ranking.top(candidates, scores, count, readUnseen),
    };
  },
});
