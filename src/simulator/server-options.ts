import { ConfigError } from '../core/errors.ts';
import { HARDWARE_PROFILES, PROFILE_NAMES, isProfileName, type HardwareProfile } from './engine/hardware.ts';
import { BLOCK_TOKENS } from './engine/prompt.ts';
import { isRole, type Role, ROLES } from './roles.ts';

/** How to start a model server. Everything has a default; limits come from the hardware profile. */
export interface ModelServerOptions {
  /** Told in the `x-inference-pod` header. Default `sim`. */
  readonly name?: string;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: a free port, kept over crashes and restarts. */
  readonly port?: number;
  /** Served model name. Default: the profile's. */
  readonly model?: string;
  /** A row of `HARDWARE_PROFILES`. Default `8b-h100`. */
  readonly profile?: string;
  /** Decides step noise, injected errors and generated text. Default 1. Servers with one seed write the same text. */
  readonly seed?: number;
  /** Simulated seconds per real second, 0.01 to 1000. Default 1. */
  readonly speedUp?: number;
  /** KV-cache blocks of 16 tokens. */
  readonly blocks?: number;
  /** Sequences running at once. */
  readonly maxNumSeqs?: number;
  /** Tokens computed per step. */
  readonly maxBatchedTokens?: number;
  /** Prompt and output together, in tokens. Default 131072, never more than the blocks hold. */
  readonly maxModelLen?: number;
  /** Requests in the whole server, running ones included, before it answers 503. Default: no limit. */
  readonly maxQueuedRequests?: number;
  /** What the API process in front of the engine takes in; more than that queues up before it. 0 for no limit. */
  readonly requestsPerSecond?: number;
  /** Whether steps vary as measured ones do. Default true. */
  readonly noise?: boolean;
  /** Largest request body. Default 32 MiB. */
  readonly maxBodyBytes?: number;
  /** Stages it is kept for, one of `ROLES`: servers that decode have a sidecar in front. Default: all, and no sidecar. */
  readonly role?: string;
}

/** Options with nothing left open. */
export interface ResolvedOptions {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly model: string;
  readonly profile: HardwareProfile;
  readonly seed: number;
  readonly speedUp: number;
  readonly blocks: number;
  readonly maxNumSeqs: number;
  readonly maxBatchedTokens: number;
  readonly maxModelLen: number;
  readonly maxQueuedRequests: number;
  readonly requestsPerSecond: number;
  readonly noise: boolean;
  readonly maxBodyBytes: number;
  readonly role: Role | undefined;
}

/** Whole numbers and what they may be. */
const RANGES = [
  ['port', 0, 65_535],
  ['seed', 0, 2 ** 32 - 1],
  ['blocks', 1, 4_000_000],
  ['maxNumSeqs', 1, 65_536],
  ['maxBatchedTokens', 1, 1_000_000],
  ['maxModelLen', 2, 10_000_000],
  ['maxBodyBytes', 1, 1024 ** 3],
] as const;

/** Fills in defaults. Throws `ConfigError` that names the first option out of range. */
export function resolveOptions(options: ModelServerOptions): ResolvedOptions {
  const profile = profileOf(options.profile ?? '8b-h100');
  const { model, blocks, maxNumSeqs, maxBatchedTokens, requestsPerSecond } = profile;
  const filled = {
    name: 'sim',
    host: '127.0.0.1',
    port: 0,
    seed: 1,
    speedUp: 1,
    maxModelLen: 131_072,
    noise: true,
    maxBodyBytes: 32 * 1024 * 1024,
    model,
    blocks,
    maxNumSeqs,
    maxBatchedTokens,
    requestsPerSecond,
    ...given(options),
    profile,
  };
  for (const [option, low, high] of RANGES) whole(option, filled[option], low, high);
  within('speedUp', filled.speedUp, 0.01, 1000);
  within('requestsPerSecond', filled.requestsPerSecond, 0, 1e6);
  if (options.maxQueuedRequests !== undefined) whole('maxQueuedRequests', options.maxQueuedRequests, 1, 1_000_000);
  return {
    ...filled,
    role: roleOf(options.role),
    maxQueuedRequests: options.maxQueuedRequests ?? Number.POSITIVE_INFINITY,
    requestsPerSecond: filled.requestsPerSecond === 0 ? Number.POSITIVE_INFINITY : filled.requestsPerSecond,
    // A sequence that outgrows the whole pool could never finish.
    maxModelLen: Math.min(filled.maxModelLen, filled.blocks * BLOCK_TOKENS),
  };
}

/** The options that are set; an explicit `undefined` means the default too. */
function given(options: ModelServerOptions): { [K in keyof ModelServerOptions]: NonNullable<ModelServerOptions[K]> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function profileOf(name: string): HardwareProfile {
  if (isProfileName(name)) return HARDWARE_PROFILES[name];
  throw new ConfigError(`profile: "${name}" is not one of ${PROFILE_NAMES.join(', ')}`);
}

function roleOf(name: string | undefined): Role | undefined {
  if (name === undefined || isRole(name)) return name;
  throw new ConfigError(`role: "${name}" is not one of ${ROLES.join(', ')}`);
}

function whole(name: string, value: number, low: number, high: number): void {
  if (!Number.isInteger(value)) throw new ConfigError(`${name}: ${value} is not a whole number`);
  within(name, value, low, high);
}

function within(name: string, value: number, low: number, high: number): void {
  if (!(value >= low && value <= high)) throw new ConfigError(`${name}: ${value} is not between ${low} and ${high}`);
}
