import { rename, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { HARDWARE_PROFILES, PROFILE_NAMES } from '../simulator/engine/hardware.ts';
import { startModelServer, type ModelServer } from '../simulator/model-server.ts';
import { resolveOptions, type ModelServerOptions } from '../simulator/server-options.ts';

/** Where a command writes its lines, and what tells it to stop. */
export interface CommandIo {
  readonly stdout: (line: string) => void;
  readonly stderr: (line: string) => void;
  readonly signal: AbortSignal;
}

interface Plan {
  readonly servers: readonly ModelServerOptions[];
  readonly endpointsFile: string | undefined;
}

const MAX_SERVERS = 1024;
const DEFAULT_PORT = 18_000;

const FLAGS = {
  servers: { type: 'string' },
  host: { type: 'string' },
  port: { type: 'string' },
  model: { type: 'string' },
  adapters: { type: 'string' },
  'max-loras': { type: 'string' },
  profile: { type: 'string' },
  speed: { type: 'string' },
  seed: { type: 'string' },
  blocks: { type: 'string' },
  'max-num-seqs': { type: 'string' },
  'max-batched-tokens': { type: 'string' },
  'endpoints-file': { type: 'string' },
  help: { type: 'boolean' },
} as const;

const HELP = `Usage: pointsman simulate [flags]

Runs model servers that behave like vLLM: OpenAI API, metrics page, prefix cache, queues, and faults on demand.
Server i is called sim-i and listens at the base port plus i.

  --servers N             how many servers (default 4)
  --host ADDRESS          where they listen (default 127.0.0.1)
  --port BASE             first port; 0 takes free ones (default ${DEFAULT_PORT})
  --model NAME            served model name (default: the profile's)
  --adapters LIST         LoRA adapters every server has besides, comma-separated
  --max-loras N           adapters a server runs at once (default 1)
  --profile NAME          hardware to imitate (default 8b-h100)
  --speed X               simulated seconds per real second, 0.01 to 1000 (default 1)
  --seed N                decides noise and generated text (default 1)
  --blocks N              KV-cache blocks of 16 tokens per server
  --max-num-seqs N        sequences running at once per server
  --max-batched-tokens N  tokens computed per step
  --endpoints-file PATH   write the servers' addresses there, for the file-discovery plugin
  --help                  print this

Profiles:
${PROFILE_NAMES.map((name) => `  ${name.padEnd(23)} ${HARDWARE_PROFILES[name].summary}`).join('\n')}

Faults, while it runs, at every server:
  curl -X POST localhost:${DEFAULT_PORT}/_sim/faults -d '{"slowFactor": 5, "forSeconds": 30}'
  curl -X POST localhost:${DEFAULT_PORT}/_sim/faults -d '{"crash": true, "forSeconds": 10}'
  curl -X DELETE localhost:${DEFAULT_PORT}/_sim/faults
  curl localhost:${DEFAULT_PORT}/_sim/state`;

/** `pointsman simulate`: model servers until the signal. Exit code 2 for bad flags, 1 when a server cannot start. */
export const simulateCommand = {
  name: 'simulate',
  summary: 'Run simulated vLLM model servers',
  help: HELP,
  async run(args: string[], io: CommandIo): Promise<number> {
    let plan: Plan | 'help';
    try {
      plan = readPlan(args);
    } catch (error) {
      io.stderr(`${messageOf(error)} (see pointsman simulate --help)`);
      return 2;
    }
    if (plan === 'help') {
      io.stdout(HELP);
      return 0;
    }
    return serve(plan, io);
  },
};

/** Throws with a one-line message for a flag that is unknown or out of range. */
function readPlan(args: string[]): Plan | 'help' {
  const { values } = parseArgs({ args, options: FLAGS, strict: true, allowPositionals: false });
  if (values.help === true) return 'help';
  const count = readNumber('servers', values.servers) ?? 4;
  if (!Number.isInteger(count) || count < 1 || count > MAX_SERVERS) {
    throw new Error(`--servers: ${count} is not a whole number from 1 to ${MAX_SERVERS}`);
  }
  const port = readNumber('port', values.port) ?? DEFAULT_PORT;
  const common = {
    host: values.host,
    model: values.model,
    adapters: values.adapters?.split(',').map((name) => name.trim()),
    maxLoras: readNumber('max-loras', values['max-loras']),
    profile: values.profile,
    speedUp: readNumber('speed', values.speed),
    seed: readNumber('seed', values.seed),
    blocks: readNumber('blocks', values.blocks),
    maxNumSeqs: readNumber('max-num-seqs', values['max-num-seqs']),
    maxBatchedTokens: readNumber('max-batched-tokens', values['max-batched-tokens']),
  };
  const servers = Array.from({ length: count }, (_, index) => ({
    ...dropUndefined(common),
    name: `sim-${index}`,
    port: port === 0 ? 0 : port + index,
  }));
  for (const server of servers) resolveOptions(server);
  return { servers, endpointsFile: values['endpoints-file'] };
}

async function serve(plan: Plan, io: CommandIo): Promise<number> {
  const servers: ModelServer[] = [];
  try {
    for (const options of plan.servers) {
      if (io.signal.aborted) return 0;
      try {
        servers.push(await startModelServer(options));
      } catch (error) {
        io.stderr(`cannot listen on ${options.host ?? '127.0.0.1'}:${options.port}: ${reasonOf(error)}`);
        return 1;
      }
    }
    for (const server of servers) io.stdout(`${server.name} ${server.url}`);
    if (plan.endpointsFile !== undefined) {
      try {
        await writeEndpoints(plan.endpointsFile, servers);
      } catch (error) {
        io.stderr(`cannot write ${plan.endpointsFile}: ${messageOf(error)}`);
        return 1;
      }
    }
    io.stdout(`ready: ${servers.length} model servers`);
    await aborted(io.signal);
    return 0;
  } finally {
    await Promise.all(servers.map((server) => server.close()));
  }
}

/** The list the file-discovery plugin reads; replaced as a whole, so that a watcher never sees half of it. */
async function writeEndpoints(path: string, servers: readonly ModelServer[]): Promise<void> {
  const endpoints = servers.map(({ name, host, port }) => ({
    name,
    address: host,
    port: String(port),
    labels: { 'llm-d.ai/engine-type': 'vllm' },
  }));
  const draft = `${path}.${process.pid}.tmp`;
  await writeFile(draft, stringify({ endpoints }, { defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN' }));
  await rename(draft, path);
}

function readNumber(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new Error(`--${flag}: "${text}" is not a number`);
  return value;
}

function dropUndefined(options: {
  readonly [K in keyof ModelServerOptions]: ModelServerOptions[K];
}): ModelServerOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') return 'port is already in use';
  return messageOf(error);
}

/** The first sentence: what Node adds about positional arguments is not what happened. */
function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split(/\.\s/, 1)[0] ?? text;
}
