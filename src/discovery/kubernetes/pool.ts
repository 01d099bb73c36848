import * as v from 'valibot';
import type { KubeObject } from '../../kubernetes/api.ts';

/** What matters of an InferencePool. */
export interface PoolFacts {
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly ports: readonly number[];
  /** Empty where the pool does not say. */
  readonly appProtocol: string;
  /** For whoever writes Events about it. */
  readonly uid: string;
}

const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535));
const spec = v.object({
  selector: v.object({ matchLabels: v.record(v.string(), v.string()) }),
  targetPorts: v.pipe(v.array(v.object({ number: port })), v.minLength(1), v.maxLength(8)),
  appProtocol: v.optional(v.string(), ''),
});

/**
 * Reads an `inference.networking.k8s.io/v1` InferencePool (contract `wire-protocol.md` 2.2). One the definition's own
 * checks would not have let pass is undefined.
 */
export function readPool(object: KubeObject): PoolFacts | undefined {
  const read = v.safeParse(spec, object['spec']);
  if (!read.success) return undefined;
  const { selector, targetPorts, appProtocol } = read.output;
  return {
    matchLabels: selector.matchLabels,
    ports: targetPorts.map(({ number }) => number),
    appProtocol,
    uid: object.metadata?.uid ?? '',
  };
}

export function samePool(a: PoolFacts | undefined, b: PoolFacts | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** `matchLabels` as a label selector, in an order that does not depend on how the pool was written. */
export function selectorText(matchLabels: Readonly<Record<string, string>>): string {
  return Object.entries(matchLabels)
    .map(([name, value]) => `${name}=${value}`)
    .sort()
    .join(',');
}
