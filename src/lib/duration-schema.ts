import * as v from 'valibot';
import { parseDurationMs } from './duration.ts';

/** A parameter that is a Go duration of some length, as text (`200ms`); its value is in milliseconds. */
export const durationMs = v.pipe(
  v.string(),
  v.rawTransform<string, number>(({ dataset, addIssue, NEVER }) => {
    try {
      return parseDurationMs(dataset.value);
    } catch (error) {
      addIssue({ message: (error as Error).message });
      return NEVER;
    }
  }),
  v.check((ms) => ms > 0, 'must be longer than 0'),
);
