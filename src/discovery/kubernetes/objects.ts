import * as v from 'valibot';
import type { InferenceObjective } from '../../datastore/objectives.ts';
import type { ModelRewrite } from '../../datastore/rewrites.ts';
import type { KubeObject } from '../../kubernetes/api.ts';
import { objectiveSchema, servedRewriteSchema, toObjective, toRewrite } from '../object-schema.ts';

/** An object that names a pool, as far as it could be read. */
export interface PoolObject<T> {
  /** Changes with every change of the object. */
  readonly version: string;
  readonly poolName: string;
  readonly poolGroup: string;
  /** Undefined for an object that is not used, because of `problem`. */
  readonly value: T | undefined;
  readonly problem: string | undefined;
}

/** The pool an object's `poolRef` means. */
export interface PoolIdentity {
  readonly name: string;
  readonly group: string;
}

const DEFAULT_POOL_GROUP = 'inference.networking.k8s.io';

export function readObjective(object: KubeObject): PoolObject<InferenceObjective> {
  return readObject(objectiveSchema, object, toObjective);
}

export function readRewrite(object: KubeObject): PoolObject<ModelRewrite> {
  return readObject(servedRewriteSchema, object, toRewrite);
}

export function sameObject(a: PoolObject<unknown>, b: PoolObject<unknown>): boolean {
  return a.version === b.version;
}

/** Objects of one kind that are for `pool`: name and group must match (contract `wire-protocol.md` 2.4). */
export function valuesFor<T>(objects: Iterable<PoolObject<T>>, { name, group }: PoolIdentity): T[] {
  const values: T[] = [];
  for (const { poolName, poolGroup, value } of objects) {
    if (value !== undefined && poolName === name && poolGroup === group) values.push(value);
  }
  return values;
}

interface Referring {
  readonly spec: { readonly poolRef?: { readonly name: string; readonly group?: string | undefined } | undefined };
}

function readObject<S extends Referring, T>(
  schema: v.GenericSchema<unknown, S>,
  object: KubeObject,
  convert: (read: S) => T,
): PoolObject<T> {
  const { uid = '', resourceVersion = '' } = object.metadata ?? {};
  const version = `${uid}/${resourceVersion}`;
  const read = v.safeParse(schema, object);
  if (!read.success) {
    const [issue] = read.issues;
    const problem = `${v.getDotPath(issue) ?? 'object'}: ${issue.message}`;
    return { version, poolName: '', poolGroup: '', value: undefined, problem };
  }
  const { poolRef } = read.output.spec;
  const group = poolRef?.group ?? DEFAULT_POOL_GROUP;
  return { version, poolName: poolRef?.name ?? '', poolGroup: group, value: convert(read.output), problem: undefined };
}
