import type { Candidates } from '../core/endpoint.ts';
import { type Rejection, reject } from '../core/errors.ts';
import type { Follower, HeaderEdits } from '../core/hooks.ts';
import type { RunProfile } from '../core/kinds.ts';
import type { Plugin } from '../core/plugin.ts';
import type { Schedule } from '../core/schedule.ts';
import type { InferenceRequest } from '../core/request.ts';
import type { Timers } from '../core/timers.ts';
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

/** Told about a producer that threw or was late; its data is missing for that request, which goes on without. */
export type ProducerFault = (plugin: Plugin, error: unknown) => void;

/** What a scheduler needs besides its plan. */
export interface SchedulerDeps extends ProfileDeps {
  readonly timers: Timers;
  /** Longest wait of a request for all producers together; the gateway may set the picker no other bound. */
  readonly answerDeadlineMs: number;
  readonly onProducerFault: ProducerFault;
}

/** One request on its way through the producers. */
interface Production {
  readonly request: InferenceRequest;
  readonly candidates: Candidates;
  /** When its answer is due, by the scheduler's clock. */
  readonly deadlineMs: number;
}

type OnPicked = NonNullable<Plugin['instance']['onPicked']>;

/** How long a producer may keep a request waiting, where it says nothing. Source: contract 1.6. */
const PRODUCER_TIMEOUT_MS = 400;

/** Picks endpoints: producers first, then the profiles the handler chooses. */
export class Scheduler {
  readonly #deps: SchedulerDeps;
  readonly #producers: readonly TimedProducer[];
  readonly #handler: Plugin<'profile-handler'>;
  readonly #names: readonly string[];
  readonly #profiles: ReadonlyMap<string, CompiledProfile>;
  readonly #onPicked: readonly OnPicked[];

  /** Throws `ConfigError` when the handler cannot work with the profiles. */
  constructor(plan: SchedulerPlan, deps: SchedulerDeps) {
    this.#deps = deps;
    this.#producers = plan.producers.map((plugin) => ({ plugin, observe: deps.bindDuration('DataProducer', plugin) }));
    this.#handler = plan.handler;
    this.#names = plan.profiles.map(({ name }) => name);
    this.#profiles = new Map(plan.profiles.map((profile) => [profile.name, new CompiledProfile(profile, deps)]));
    this.#onPicked = plan.plugins.flatMap(({ instance }) =>
      instance.onPicked === undefined ? [] : [instance.onPicked.bind(instance)],
    );
    plan.handler.instance.accept(this.#names);
  }

  /**
   * Runs the producers, in order. Returns a promise, which does not reject, only where one of them must wait for
   * something.
   */
  produce(request: InferenceRequest, candidates: Candidates): Promise<void> | undefined {
    return this.#produceFrom(0, {
      request,
      candidates,
      deadlineMs: this.#deps.clock.nowMs() + this.#deps.answerDeadlineMs,
    });
  }

  /**
   * Ranks the candidates for a request whose producers have run, or says why nobody will do; synchronous from first to
   * last. `candidates` is not empty.
   */
  schedule(request: InferenceRequest, candidates: Candidates): Schedule | Rejection {
    this.#deps.scores?.clear();
    const run: RunProfile = (name, depth) =>
      this.#profiles.get(name)?.run(request, candidates, depth) ??
      reject('ResourceExhausted', `failed to find target endpoint: no scheduling profile is named '${name}'`);
    return this.#handler.instance.schedule(request, this.#names, run);
  }

  /** Tells the plugins that the schedule stands. Returns those that follow the response; undefined for none. */
  picked(request: InferenceRequest, schedule: Schedule, edits: HeaderEdits): readonly Follower[] | undefined {
    let followers: Follower[] | undefined;
    for (const onPicked of this.#onPicked) {
      const follower = onPicked(request, schedule, edits);
      if (follower !== undefined) (followers ??= []).push(follower);
    }
    return followers;
  }

  #produceFrom(first: number, production: Production): Promise<void> | undefined {
    const { clock } = this.#deps;
    for (let i = first; i < this.#producers.length; i++) {
      const { plugin, observe } = this.#producers[i];
      const before = clock.nowMs();
      const note = (): void => observe((clock.nowMs() - before) / 1000);
      const waiting = this.#runProducer(plugin, production);
      if (waiting !== undefined) {
        return waiting.then(() => {
          note();
          return this.#produceFrom(i + 1, production);
        });
      }
      note();
    }
    return undefined;
  }

  #runProducer(plugin: Plugin<'producer'>, { request, candidates, deadlineMs }: Production): Promise<void> | undefined {
    try {
      const waiting = plugin.instance.produce(request, candidates);
      return waiting instanceof Promise ? this.#wait(plugin, waiting, deadlineMs) : undefined;
    } catch (error) {
      this.#deps.onProducerFault(plugin, error);
      return undefined;
    }
  }

  /** Resolves when the producer is done, has failed or is late, by its own measure or because the answer is due. */
  #wait(plugin: Plugin<'producer'>, waiting: Promise<void>, deadlineMs: number): Promise<void> {
    const leftMs = Math.max(0, deadlineMs - this.#deps.clock.nowMs());
    const timeoutMs = Math.min(leftMs, plugin.instance.timeoutMs ?? PRODUCER_TIMEOUT_MS);
    return new Promise((resolve) => {
      const cancel = this.#deps.timers.after(timeoutMs, () => {
        this.#deps.onProducerFault(plugin, new Error(`not done after ${Math.round(timeoutMs)} ms`));
        resolve();
      });
      void waiting
        .catch((error: unknown) => this.#deps.onProducerFault(plugin, error))
        .finally(() => {
          cancel();
          resolve();
        });
    });
  }
}
