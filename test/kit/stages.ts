import { dataKey, PEER_ENDPOINT } from '../../src/core/data.ts';
import { FILTERED_OUT, Rejection } from '../../src/core/errors.ts';
import type { Decider } from '../../src/core/kinds.ts';
import type { PluginDefinition } from '../../src/core/plugin.ts';
import type { InferenceRequest } from '../../src/core/request.ts';
import type { Schedule } from '../../src/core/schedule.ts';
import { DataBoard } from '../../src/scheduling/data-board.ts';
import { recordedEdits } from './edits.ts';
import { create, inferenceRequest, NO_METER, pluginContext } from './plugins.ts';

/** A handler of several profiles at work, with what it did in words. */
export interface StageRun {
  readonly result: Schedule | Rejection;
  /** `decode fallbacks`, `prefill picker near 2`: profile, depth, and the peer that was published by then. */
  readonly ran: readonly string[];
  /** `prefill asked about 2`. */
  readonly asked: readonly string[];
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** `disagg m prefill-decode`, `failed prefill`. */
  readonly counted: readonly string[];
  readonly debug: readonly string[];
}

export interface StageRunOptions {
  readonly parameters?: object;
  /** What each profile picks; those that are not here do not exist, and an empty pick is a refusal. */
  readonly picks: Readonly<Record<string, readonly number[]>>;
  /** Answers of the deciders by name; asking another is a fault of the test. */
  readonly deciders?: Readonly<Record<string, boolean>>;
  readonly request?: InferenceRequest;
}

/** Runs one request through a handler; endpoints are `10.0.0.<slot + 1>:8000`. */
export function runStages(definition: PluginDefinition<'profile-handler'>, options: StageRunOptions): StageRun {
  const { parameters = {}, picks, deciders = {}, request = inferenceRequest() } = options;
  const board = new DataBoard();
  const peer = board.reader(dataKey(PEER_ENDPOINT));
  const [ran, asked, counted, debug]: string[][] = [[], [], [], []];
  const decider = (name: string): Decider => ({
    decide(_request, slot) {
      if (deciders[name] === undefined) throw new Error(`nobody should ask ${name}`);
      asked.push(`${name} asked about ${slot ?? 'nobody'}`);
      return deciders[name];
    },
  });
  const meter = {
    ...NO_METER,
    disaggDecision: (model: string, decision: string) => void counted.push(`disagg ${model} ${decision}`),
    pdDecision: (model: string, decision: string) => void counted.push(`pd ${model} ${decision}`),
    stageFailed: (stage: string) => void counted.push(`failed ${stage}`),
  };
  const plugin = (_kind: string, name: string) => decider(name) as never;
  const context = pluginContext({ meter, plugin, debug: (line) => void debug.push(line) }, board);
  const handler = create(definition, parameters, context);
  const profiles = Object.keys(picks);
  handler.accept(profiles);
  const result = handler.schedule(request, profiles, (name, depth = 'fallbacks') => {
    const near = peer(request);
    ran.push(`${name} ${depth}${near === undefined ? '' : ` near ${near}`}`);
    return picks[name].length === 0 ? FILTERED_OUT : Uint32Array.from(picks[name]);
  });
  const { edits, headers } = recordedEdits();
  if (!(result instanceof Rejection)) handler.onPicked?.(request, result, edits);
  return { result, ran, asked, headers, counted, debug };
}

/** The picks of a schedule by profile. */
export function picksOf({ result }: StageRun): Record<string, number[]> {
  if (result instanceof Rejection) throw new Error(result.message);
  return Object.fromEntries(Array.from(result.picks, ([profile, slots]) => [profile, [...slots]]));
}
