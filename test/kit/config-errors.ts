import { ConfigErrors } from '../../src/config/problems.ts';

/** Lines of the `ConfigErrors` that reading a configuration ends with; none when it is taken. */
export function configErrorsOf(read: () => unknown): readonly string[] {
  try {
    read();
  } catch (error) {
    if (error instanceof ConfigErrors) return error.lines;
    throw error;
  }
  return [];
}
