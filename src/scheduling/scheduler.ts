import type { Candidates } from '../core/endpoint.ts';
import { type Rejection, reject } from '../core/errors.ts';
import type { Plugin, RunProfile, Schedule } from '../core/plugin.ts';
import type { InferenceRequest } from '../core/request.ts';
import { CompiledProfile, type ObserveSeconds, type ProfileDeps, type ProfilePlan } from './profile.ts';

/** A whole configuration, every reference resolved. */
export interface SchedulerPlan {
  /** In dependency order. */
  readonly producers: readonly Plugin<'producer'>[];
  readonly handler: Plugin<'profile-handler'>;
  readonly profiles: readonly ProfilePlan[];
  /** Every plugin instance, for the moments any of them may observe. */
  readonly plugins: readonly Plugin[];
}

interface TimedProducer {
  readonly plugin: Plugin<'producer'>;
  readonly observe: ObserveSeconds;
}

/** Told about a producer that threw; its data is missing for that request, which goes on without. */
export type ProducerFault = (plugin: Plugin, error: unknown) => void;

/** Picks endpoints: producers, then the profiles the handler chooses. Synchronous from first to last. */
export class Scheduler {
  readonly #deps: ProfileDeps;
  readonly #producers: readonly TimedProducer[];
  readonly #handler: Plugin<'profile-handler'>;
  readonly #names: readonly string[];
  readonly #profiles: ReadonlyMap<string, CompiledProfile>;
  readonly #onPicked: readonly ((request: InferenceRequest, schedule: Schedule) => void)[];
  readonly #onProducerFault: ProducerFault;

  /** Throws `ConfigError` when the handler cannot work with the profiles. */
  constructor(plan: SchedulerPlan, deps: ProfileDeps, onProducerFault: ProducerFault) {
    this.#deps = deps;
    this.#producers = plan.producers.map((plugin) => ({ plugin, observe: deps.bindDuration('DataProducer', plugin) }));
    this.#handler = plan.handler;
    this.#names = plan.profiles.map(({ name }) => name);
    this.#profiles = new Map(plan.profiles.map((profile) => [profile.name, new CompiledProfile(profile, deps)]));
    this.#onPicked = plan.plugins.flatMap(({ instance }) =>
      instance.onPicked === undefined ? [] : [instance.onPicked.bind(instance)],
    );
    this.#onProducerFault = onProducerFault;
    plan.handler.instance.accept(this.#names);
  }

  /** Ranks the candidates for a request, or says why nobody will do. `candidates` is not empty. */
  schedule(request: InferenceRequest, candidates: Candidates): Schedule | Rejection {
    this.#deps.scores?.clear();
    this.#produce(request, candidates);
    const run: RunProfile = (name) =>
      this.#profiles.get(name)?.run(request, candidates) ??
      reject('ResourceExhausted', `failed to find target endpoint: no scheduling profile is named '${name}'`);
    return this.#handler.instance.schedule(request, this.#names, run);
  }

  /** Tells the plugins that the schedule stands. */
  picked(request: InferenceRequest, schedule: Schedule): void {
    for (const onPicked of this.#onPicked) onPicked(request, schedule);
  }

  #produce(request: InferenceRequest, candidates: Candidates): void {
    const { clock } = this.#deps;
    for (const { plugin, observe } of this.#producers) {
      const before = clock.nowMs();
      try {
        plugin.instance.produce(request, candidates);
      } catch (error) {
        this.#onProducerFault(plugin, error);
      }
      observe((clock.nowMs() - before) / 1000);
    }
  }
}
