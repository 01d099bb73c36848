import type { ApiQuery } from './api.ts';

/** A kind of objects in one namespace, or some of them. */
export interface Resource {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** As in paths and roles: `pods`. */
  readonly plural: string;
  readonly namespace: string;
  readonly labelSelector?: string;
  /** The one object of this name. */
  readonly name?: string;
}

/** Where the objects are listed and watched. */
export function resourcePath({ group, version, plural, namespace }: Resource): string {
  return `${groupPath(group, version)}/namespaces/${encodeURIComponent(namespace)}/${plural}`;
}

/** Where the API server tells which kinds a group has. */
export function groupPath(group: string, version: string): string {
  return group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
}

/** What narrows a list or a watch to the resource's objects. */
export function resourceQuery({ labelSelector, name }: Resource): ApiQuery {
  return { labelSelector, fieldSelector: name === undefined ? undefined : `metadata.name=${name}` };
}
