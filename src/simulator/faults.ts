import * as v from 'valibot';
import { ConfigError } from '../core/errors.ts';

const Rate = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const Count = v.pipe(v.number(), v.integer(), v.minValue(0));
const Seconds = v.pipe(v.number(), v.minValue(0), v.maxValue(86_400));

/** What is wrong with a server now. Every knob can be turned while it runs. */
const FaultSchema = v.strictObject({
  /** The process stands still: connections are accepted, nothing is answered, streams pause. Lifting it goes on. */
  hang: v.boolean(),
  /** Inference requests get response headers and nothing else. */
  headersThenHang: v.boolean(),
  /** The connection of an inference request is cut after so many tokens; null never cuts. */
  cutAfterTokens: v.nullable(Count),
  /** Every step takes so many times as long. 1 is normal. */
  slowFactor: v.pipe(v.number(), v.minValue(0.1), v.maxValue(1000)),
  /** Share of inference requests refused at once. */
  errorRate: Rate,
  /** With what they are refused. */
  errorStatus: v.picklist([429, 500, 503]),
  /** New connections are refused, idle ones closed; streams under way go on. */
  refuseConnections: v.boolean(),
  /** What a scrape gets. `frozen` repeats the first page asked for since, `slow` waits `metricsDelaySeconds`. */
  metrics: v.picklist(['normal', 'garbage', 'nan', 'frozen', 'slow', 'error', 'empty', 'huge', 'openmetrics']),
  metricsDelaySeconds: Seconds,
  /** What `/metrics/?name[]=` gets: `empty` from several API processes, whose numbers lie elsewhere; `missing`: 404. */
  shortMetrics: v.picklist(['normal', 'empty', 'missing']),
  /** The engine stands still while the API process answers. */
  deadEngine: v.boolean(),
  /** What `/health` says: the truth (503 when the engine is dead), or always 200 (`up`) or 503 (`down`). */
  health: v.picklist(['normal', 'up', 'down']),
});

export type Faults = Readonly<v.InferOutput<typeof FaultSchema>>;

/** Nothing is wrong. */
export const NO_FAULTS: Faults = {
  hang: false,
  headersThenHang: false,
  cutAfterTokens: null,
  slowFactor: 1,
  errorRate: 0,
  errorStatus: 503,
  refuseConnections: false,
  metrics: 'normal',
  metricsDelaySeconds: 3,
  shortMetrics: 'normal',
  deadEngine: false,
  health: 'normal',
};

/** Events rather than states, and how long the rest lasts. */
const PatchSchema = v.strictObject({
  ...v.partial(FaultSchema).entries,
  /** The process dies: all connections drop, counters and cache are lost, nothing listens until it restarts. */
  crash: v.optional(v.boolean()),
  /** The next step takes so much longer, in simulated seconds. */
  stallSeconds: v.optional(Seconds),
  /** Real seconds after which what this patch set returns to normal, and a crashed server restarts. */
  forSeconds: v.optional(Seconds),
});

/** A change of faults; what it does not name stays as it is. */
export type FaultPatch = v.InferInput<typeof PatchSchema>;

/** Checks a patch from outside. Throws `ConfigError` that names the knob. */
export function parseFaultPatch(input: unknown): FaultPatch {
  const result = v.safeParse(PatchSchema, input);
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw new ConfigError(`${v.getDotPath(issue) ?? 'faults'}: ${issue.message}`);
}

/** The states a patch names, without the events. */
export function statesOf(patch: FaultPatch): Partial<Faults> {
  const { crash: _crash, stallSeconds: _stall, forSeconds: _for, ...states } = patch;
  return states;
}

/** The same knobs, each at its normal setting. */
export function normalOf(states: Partial<Faults>): Partial<Faults> {
  return Object.fromEntries(Object.entries(NO_FAULTS).filter(([knob]) => knob in states));
}
