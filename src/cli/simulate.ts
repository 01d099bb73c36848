import { rename, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { aborted } from '../lib/aborted.ts';
import { errorMessage } from '../lib/error-message.ts';
import { HARDWARE_PROFILES, PROFILE_NAMES } from '../simulator/engine/hardware.ts';
import { startModelServer, type ModelServer } from '../simulator/model-server.ts';
import { isRole, ROLE_LABEL, ROLES } from '../simulator/roles.ts';
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
  roles: { type: 'string' },
  name: { type: 'string' },
  host: { type: 'string' },
  port: { type: 'string' },
  model: { type: 'string' },
  profile: { type: 'string' },
  speed: { type: 'string' },
  seed: { type: 'string' },
  blocks: { type: 'string' },
  'max-num-seqs': { type: 'string' },
  'max-batched-tokens': { type: 'string' },
  noise: { type: 'boolean' },
  'endpoints-file': { type: 'string' },
  help: { type: 'boolean' },
} as const;

const HELP = `Usage: pointsman simulate [flags]

Runs model servers that behave like vLLM: OpenAI API, metrics page, prefix cache, queues, and faults on demand.
Server i is called sim-i and listens at the base port plus i.

  --servers N             how many servers (default 4)
  --roles LIST            servers kept for stages, in place of --servers: prefill=2,decode=2 (roles: see below)
  --name NAME             what a single server is called; several are NAME-0, NAME-1, ... (default sim)
  --host ADDRESS          where they listen (default 127.0.0.1)
  --port BASE             first port; 0 takes free ones (default ${DEFAULT_PORT})
  --model NAME            served model name (default: the profile's)
  --profile NAME          hardware to imitate (default 8b-h100)
  --speed X               simulated seconds per real second, 0.01 to 1000 (default 1)
  --seed N                decides noise and generated text (default 1)
  --blocks N              KV-cache blocks of 16 tokens per server
  --max-num-seqs N        sequences running at once per server
  --max-batched-tokens N  tokens computed per step
  --no-noise              every step takes exactly what the model says
  --endpoints-file PATH   write the servers' addresses there, for the file-discovery plugin
  --help                  print this

Profiles:
${PROFILE_NAMES.map((name) => `  ${name.padEnd(23)} ${HARDWARE_PROFILES[name].summary}`).join('\n')}

Roles go into the endpoints file as the label ${ROLE_LABEL}: ${ROLES.join(', ')}.
A server that decodes has a sidecar: a request with x-prefiller-host-port has its prompt computed there.

Faults, while it runs, at every server:
  curl -X POST localhost:${DEFAULT_PORT}/_sim/faults -d '{"slowFactor": 5, "forSeconds": 30}'
  curl -X POST localhost:${DEFAULT_PORT}/_sim/faults -d '{"crash": true, "forSeconds": 10}'
  curl -X DELETE localhost:${DEFAULT_PORT}/_sim/faults
  curl localhost:${DEFAULT_PORT}/_sim/state`;

/** `pointsman simulate`: model servers until the signal. Exit code 2 for bad flags, 1 when a server cannot start. */
export const simulateCommand = {
  name: 'simulate',
  summary: 'Run simulated vLLM model servers.',
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
  const { values } = parseArgs({ args, options: FLAGS, strict: true, allowPositionals: false, allowNegative: true });
  if (values.help === true) return 'help';
  if (values.roles !== undefined && values.servers !== undefined) {
    throw new Error('--servers and --roles: give one of them');
  }
  const roles = values.roles === undefined ? undefined : readRoles(values.roles);
  const count = roles?.length ?? readNumber('servers', values.servers) ?? 4;
  if (!Number.isInteger(count) || count < 1 || count > MAX_SERVERS) {
    const flag = roles === undefined ? 'servers' : 'roles';
    throw new Error(`--${flag}: ${count} is not a whole number from 1 to ${MAX_SERVERS}`);
  }
  const port = readNumber('port', values.port) ?? DEFAULT_PORT;
  const common = {
    host: values.host,
    model: values.model,
    profile: values.profile,
    speedUp: readNumber('speed', values.speed),
    seed: readNumber('seed', values.seed),
    blocks: readNumber('blocks', values.blocks),
    maxNumSeqs: readNumber('max-num-seqs', values['max-num-seqs']),
    maxBatchedTokens: readNumber('max-batched-tokens', values['max-batched-tokens']),
    noise: values.noise,
  };
  const servers = Array.from({ length: count }, (_, index) => ({
    ...dropUndefined(common),
    ...(roles !== undefined && { role: roles[index] }),
    name: nameOf(values.name, index, count),
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
    for (const { name, url, role } of servers) io.stdout(`${name} ${url}${role === undefined ? '' : ` ${role}`}`);
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
  const endpoints = servers.map(({ name, host, port, role }) => ({
    name,
    address: host,
    port: String(port),
    labels: { 'llm-d.ai/engine-type': 'vllm', ...(role !== undefined && { [ROLE_LABEL]: role }) },
  }));
  const draft = `${path}.${process.pid}.tmp`;
  await writeFile(draft, stringify({ endpoints }, { defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN' }));
  await rename(draft, path);
}

/** `prefill=2,decode=2`: the role of each server, in order. */
function readRoles(text: string): string[] {
  return text.split(',').flatMap((part) => {
    const [role, number = '1', ...more] = part.trim().split('=');
    const count = Number(number);
    if (!isRole(role)) throw new Error(`--roles: "${role}" is not one of ${ROLES.join(', ')}`);
    if (more.length > 0 || number.trim() === '' || !Number.isInteger(count) || count < 1 || count > MAX_SERVERS) {
      throw new Error(`--roles: "${part.trim()}" is not ROLE=N, with N from 1 to ${MAX_SERVERS}`);
    }
    return Array<string>(count).fill(role);
  });
}

function nameOf(name: string | undefined, index: number, count: number): string {
  return name !== undefined && count === 1 ? name : `${name ?? 'sim'}-${index}`;
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

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') return 'port is already in use';
  return messageOf(error);
}

/** The first sentence: what Node adds about positional arguments is not what happened. */
function messageOf(error: unknown): string {
  const text = errorMessage(error);
  return text.split(/\.\s/, 1)[0] ?? text;
}
