import { errorMessage } from '../lib/error-message.ts';

/** Message of the error `read` throws for the text, or undefined when it accepts it. */
export function complaint(read: (text: string) => unknown, text: string): string | undefined {
  try {
    read(text);
    return undefined;
  } catch (error) {
    return errorMessage(error);
  }
}
