import * as v from 'valibot';
import { parseDurationMs } from '../lib/duration.ts';
import { errorMessage } from '../lib/error-message.ts';
import { parseQuantity } from '../lib/quantity.ts';

/** Text of a Go duration, as milliseconds. */
export const durationMs = v.pipe(v.string(), parsedBy(parseDurationMs));
/** A Kubernetes quantity, as text or as a plain number. */
export const quantity = v.pipe(v.union([v.string(), v.number()]), v.transform(String), parsedBy(parseQuantity));

/** A parsing step that turns the parser's error into the issue's text. */
function parsedBy(parse: (text: string) => number): v.RawTransformAction<string, number> {
  return v.rawTransform(({ dataset, addIssue, NEVER }) => {
    try {
      return parse(dataset.value);
    } catch (error) {
      addIssue({ message: errorMessage(error) });
      return NEVER;
    }
  });
}
