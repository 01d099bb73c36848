import { errorMessage } from '../lib/error-message.ts';

/** What to tell about an error, one line. */
export function errorText(error: unknown): string {
  const text = errorMessage(error);
  return text.split('\n', 1)[0];
}
