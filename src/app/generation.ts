import type { ResolvedConfig } from '../config/resolved.ts';
import type { EndpointTable } from '../datastore/endpoint-table.ts';
import type { RequestPlan } from '../request/plan.ts';
import { ParserChoice } from '../request/parser-choice.ts';
import { PREFIX_MATCH } from '../core/data.ts';
import { Scheduler, type SchedulerDeps } from '../scheduling/scheduler.ts';
import { Instances, type InstanceParts, schedulerPlan } from './instances.ts';

/** A configuration at work: its plugins, and what it says about requests. */
export interface Generation {
  readonly config: ResolvedConfig;
  readonly instances: Instances;
  readonly plan: RequestPlan;
}

/** What a configuration is put to work with. */
export interface GenerationParts {
  readonly instances: InstanceParts & { readonly endpoints: EndpointTable };
  readonly scheduler: SchedulerDeps;
}

/**
 * Puts a configuration to work, taking over plugins of the one before that did not change. Throws `ConfigError` when it
 * cannot work; then nothing has changed.
 */
export function createGeneration(config: ResolvedConfig, parts: GenerationParts, before?: Generation): Generation {
  const instances = new Instances(config, parts.instances, before?.instances);
  try {
    return { config, instances, plan: requestPlan(config, instances, parts.scheduler) };
  } catch (error) {
    instances.closeNew();
    throw error;
  }
}

function requestPlan(config: ResolvedConfig, instances: Instances, deps: SchedulerDeps): RequestPlan {
  const detector = config.saturationDetector;
  const namers = instances.all.flatMap(({ instance }) => instance.fairnessId?.bind(instance) ?? []);
  const matches = instances.readersOf(PREFIX_MATCH);
  return {
    parsers: new ParserChoice(config.parsers.map((name) => instances.get('parser', name).instance)),
    saturation: detector === undefined ? undefined : instances.get('saturation-detector', detector).instance,
    admitters: instances.ofKind('admitter').map(({ instance }) => instance),
    scheduler: new Scheduler(schedulerPlan(config, instances), deps),
    scores: deps.scores,
    fairnessId(headers) {
      for (const name of namers) {
        const id = name(headers);
        if (id !== undefined) return id;
      }
      return undefined;
    },
    hasCached: (request, slot) => matches.some((read) => (read(request)?.blocksBySlot[slot] ?? 0) > 0),
  };
}
