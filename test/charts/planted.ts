import { at, type KubeObject } from './render.ts';

/** A copy of an object with `value` at a path like `spec.replicas`. */
export function planted(object: KubeObject, path: string, value: unknown): KubeObject {
  const copy = structuredClone(object);
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  (at(copy, keys.join('.')) as Record<string, unknown>)[last] = value;
  return copy;
}
