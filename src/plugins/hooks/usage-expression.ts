import { Environment, EvaluationError, ParseError, TypeError as CelTypeError } from '@marcbachmann/cel-js';
import type { Usage } from '../../core/usage.ts';
import { errorMessage } from '../../lib/error-message.ts';
import { didYouMean } from '../../lib/nearest.ts';

/** Usage as the APIs write it. Counts are doubles, as all JSON numbers are to CEL. */
type UsageObject = Readonly<Record<string, unknown>>;

/** Yields what an expression makes of a usage. Throws `Error` where it cannot be evaluated. */
export type UsageExpression = (usage: Usage | undefined) => unknown;

/** What an expression is for. */
export type ExpressionUse = 'number' | 'condition';

const YIELDS: Readonly<Record<ExpressionUse, { readonly types: readonly string[]; readonly text: string }>> = {
  number: { types: ['int', 'double', 'dyn'], text: 'an int or a double' },
  condition: { types: ['bool', 'dyn'], text: 'a bool' },
};

/** A usage with everything in it, on which every expression is tried. Primes, so that no difference happens to be 0. */
const SAMPLE: Usage = { promptTokens: 1009, completionTokens: 211, cachedTokens: 397 };

const environment = new Environment({
  limits: { maxAstNodes: 1000, maxDepth: 50, maxListElements: 100, maxMapEntries: 100, maxCallArguments: 32 },
}).registerVariable('usage', 'map<string, dyn>');

/**
 * Compiles a CEL expression over `usage`: `prompt_tokens`, `completion_tokens` and `total_tokens`, 0 where the server
 * did not say, and `prompt_tokens_details.cached_tokens` where it did. Throws `Error`, in one line with the place in
 * the expression, when it cannot be read, has the wrong type, or does not work on a usage that has everything.
 */
export function compileUsageExpression(text: string, use: ExpressionUse): UsageExpression {
  const { types, text: wanted } = YIELDS[use];
  try {
    const parsed = environment.parse(text);
    const { valid, error, type = 'dyn' } = parsed.check();
    if (!valid) throw error;
    if (!types.includes(type)) throw new Error(`must yield ${wanted}, not ${type}`);
    const evaluate: UsageExpression = (usage) => parsed({ usage: usageObject(usage) }) as unknown;
    const sample = evaluate(SAMPLE);
    if (use === 'condition' && typeof sample !== 'boolean') throw new Error(`must yield ${wanted}`);
    return evaluate;
  } catch (error) {
    throw new Error(explain(text, error), { cause: error });
  }
}

function usageObject({ promptTokens = 0, completionTokens = 0, cachedTokens }: Usage = {}): UsageObject {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    ...(cachedTokens !== undefined && { prompt_tokens_details: { cached_tokens: cachedTokens } }),
  };
}

const FIELDS = ['prompt_tokens', 'completion_tokens', 'total_tokens', 'prompt_tokens_details', 'cached_tokens'];

function explain(text: string, error: unknown): string {
  if (!isCelError(error)) return errorMessage(error);
  const at = error.range === undefined ? '' : `${placeIn(text, error.range.start)}: `;
  return `must be valid CEL: ${at}${error.summary}${remedy(error.summary)}`;
}

function isCelError(error: unknown): error is ParseError | CelTypeError | EvaluationError {
  return error instanceof ParseError || error instanceof CelTypeError || error instanceof EvaluationError;
}

function remedy(summary: string): string {
  const [, key] = /^No such key: (.+)$/.exec(summary) ?? [];
  if (key !== undefined) return didYouMean(key, FIELDS) || `: known are ${FIELDS.join(', ')}`;
  if (summary.startsWith('Unknown variable')) return ': the only one is usage';
  const mixed = summary.startsWith('no such overload') && summary.includes('double') && /\bint\b/.test(summary);
  return mixed ? ': token counts are doubles, so write 2.0 instead of 2' : '';
}

/** Line and column, both from 1. */
function placeIn(text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n');
  return `${before.length}:${(before.at(-1) ?? '').length + 1}`;
}
