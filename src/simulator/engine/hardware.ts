import type { StepCost } from './step-cost.ts';

/** Everything that makes one model on one set of cards behave as it does. Times are milliseconds. */
export interface HardwareProfile {
  /** What it stands for, for `--help`. */
  readonly summary: string;
  /** Name the server serves the model under unless told otherwise. */
  readonly model: string;
  readonly cost: StepCost;
  /** Tokenising and templating before a request reaches the engine. */
  readonly requestDelayMs: number;
  /** Detokenising and framing after the engine made a token. */
  readonly outputDelayMs: number;
  /** What one API process can take in before arrivals queue in front of it. */
  readonly requestsPerSecond: number;
  /** KV-cache blocks of 16 tokens. */
  readonly blocks: number;
  readonly maxNumSeqs: number;
  readonly maxBatchedTokens: number;
}

const LLAMA_8B = 'meta-llama/Llama-3.1-8B-Instruct';
const LLAMA_70B = 'meta-llama/Llama-3.1-70B-Instruct';
const OUTPUT_DELAY_MS = 0.05;
/** Fitted to a published burst of 1,000 arrivals at a 2025 Python front end. */
const REQUESTS_PER_SECOND = 100;

/**
 * Constants fitted to published serving tables (NVIDIA NIM benchmarks 1.3 and 1.8, vLLM pull request 18566): inter-token
 * latency within 16 % of them. Block counts are (memory x 0.9 - weights - 2..3 GiB per card) / bytes per block.
 */
export const HARDWARE_PROFILES = {
  '8b-h100': {
    summary: 'Llama 3.1 8B, BF16, one H100',
    model: LLAMA_8B,
    cost: { baseMs: 6.4, prefillMs: 0.03, sequenceMs: 0.015, contextMs: 0.00006, attentionMs: 1.2e-6 },
    requestDelayMs: 5,
    outputDelayMs: OUTPUT_DELAY_MS,
    requestsPerSecond: REQUESTS_PER_SECOND,
    blocks: 27_800,
    maxNumSeqs: 1024,
    maxBatchedTokens: 8192,
  },
  '8b-fp8-h100': {
    summary: 'Llama 3.1 8B, FP8, one H100',
    model: LLAMA_8B,
    cost: { baseMs: 4, prefillMs: 0.015, sequenceMs: 0.012, contextMs: 0.00006, attentionMs: 0.8e-6 },
    requestDelayMs: 3,
    outputDelayMs: OUTPUT_DELAY_MS,
    requestsPerSecond: REQUESTS_PER_SECOND,
    blocks: 31_500,
    maxNumSeqs: 1024,
    maxBatchedTokens: 8192,
  },
  '70b-4xh100': {
    summary: 'Llama 3.1 70B, BF16, four H100',
    model: LLAMA_70B,
    cost: { baseMs: 12.6, prefillMs: 0.079, sequenceMs: 0.015, contextMs: 0.000037, attentionMs: 1.7e-6 },
    requestDelayMs: 6,
    outputDelayMs: OUTPUT_DELAY_MS,
    requestsPerSecond: REQUESTS_PER_SECOND,
    blocks: 29_000,
    maxNumSeqs: 1024,
    maxBatchedTokens: 8192,
  },
  '70b-fp8-2xh100': {
    summary: 'Llama 3.1 70B, FP8, two H100',
    model: LLAMA_70B,
    cost: { baseMs: 17.7, prefillMs: 0.078, sequenceMs: 0.02, contextMs: 0.00004, attentionMs: 1.7e-6 },
    requestDelayMs: 8,
    outputDelayMs: OUTPUT_DELAY_MS,
    requestsPerSecond: REQUESTS_PER_SECOND,
    blocks: 14_200,
    maxNumSeqs: 1024,
    maxBatchedTokens: 8192,
  },
  '8b-a100': {
    summary: 'Llama 3.1 8B, BF16, one A100 80 GB',
    model: LLAMA_8B,
    cost: { baseMs: 10, prefillMs: 0.085, sequenceMs: 0.02, contextMs: 0.0001, attentionMs: 3.7e-6 },
    requestDelayMs: 8,
    outputDelayMs: OUTPUT_DELAY_MS,
    requestsPerSecond: REQUESTS_PER_SECOND,
    blocks: 27_800,
    maxNumSeqs: 256,
    maxBatchedTokens: 2048,
  },
} as const satisfies Record<string, HardwareProfile>;

export type ProfileName = keyof typeof HARDWARE_PROFILES;

/** Every profile's name, in table order. */
export const PROFILE_NAMES: readonly ProfileName[] = Object.keys(HARDWARE_PROFILES).filter(isProfileName);

/** Whether `name` is a row of the table. */
export function isProfileName(name: string): name is ProfileName {
  return Object.hasOwn(HARDWARE_PROFILES, name);
}
