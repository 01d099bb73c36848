import { WeightedTurns } from './weighted-turns.ts';

/** A model a rule can send requests to. */
export interface RewriteTarget {
  readonly model: string;
  /** Share of the rule's requests relative to its other targets; undefined where none was given. */
  readonly weight: number | undefined;
}

export interface RewriteRule {
  /** Model names the rule is for, compared exactly; none means every request, even one without a model. */
  readonly models: readonly string[];
  readonly targets: readonly RewriteTarget[];
}

/** Rules under one name, in order. */
export interface ModelRewrite {
  readonly name: string;
  /** When it was made, in ms since the epoch; infinite where nobody knows, which makes it the youngest. */
  readonly createdAtMs: number;
  readonly rules: readonly RewriteRule[];
}

/** What a rule decided for one request. */
export interface RewriteDecision {
  /** Name of the rewrite the rule belongs to. */
  readonly rewrite: string;
  /** Empty when the rule has no targets. */
  readonly model: string;
}

/** A rule with its place in the rotation. */
interface LiveRule {
  readonly rewrite: string;
  readonly targets: readonly RewriteTarget[];
  readonly turns: WeightedTurns;
}

/**
 * The rewrite rules of the pool, ready for lookup. A rule that names the model beats one for every model; then the
 * oldest object wins, the first by name among equally old ones; then the order in the object. A rule's targets take
 * turns by weight (`weighted-turns.ts`): no weights at all mean equal shares, some weights mean that targets without
 * one get nothing. Source: contract 2.5.
 */
export class ModelRewrites {
  #exact: ReadonlyMap<string, LiveRule> = new Map();
  #generic: LiveRule | undefined;

  /** The pool now has exactly these. Every rotation starts anew. */
  replace(rewrites: readonly ModelRewrite[]): void {
    const exact = new Map<string, LiveRule>();
    let generic: LiveRule | undefined;
    for (const { name, rules } of rewrites.toSorted(byAge)) {
      for (const { models, targets } of rules) {
        const live = { rewrite: name, targets, turns: new WeightedTurns(targets.map(({ weight }) => weight ?? 0)) };
        if (models.length === 0) generic ??= live;
        for (const model of models) {
          if (!exact.has(model)) exact.set(model, live);
        }
      }
    }
    this.#exact = exact;
    this.#generic = generic;
  }

  /** Whether any rule applies to a request whose body names `model`, without taking a turn. */
  isFor(model: string): boolean {
    return this.#ruleFor(model) !== undefined;
  }

  /** Decides the model for a request whose body names `model` (empty for none), or undefined where no rule applies. */
  decide(model: string): RewriteDecision | undefined {
    const rule = this.#ruleFor(model);
    if (rule === undefined) return undefined;
    const index = rule.turns.next();
    return { rewrite: rule.rewrite, model: index === -1 ? '' : rule.targets[index].model };
  }

  #ruleFor(model: string): LiveRule | undefined {
    return this.#exact.get(model) ?? this.#generic;
  }
}

function byAge(a: ModelRewrite, b: ModelRewrite): number {
  if (a.createdAtMs !== b.createdAtMs) return a.createdAtMs < b.createdAtMs ? -1 : 1;
  if (a.name === b.name) return 0;
  return a.name < b.name ? -1 : 1;
}
