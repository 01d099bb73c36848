import * as v from 'valibot';
import { definePlugin } from '../../core/plugin.ts';

const name = (description: string) =>
  v.pipe(v.string(), v.minLength(1, 'must not be empty'), v.description(description));

/** A kind of Kubernetes object to follow (contract 4.2). No extractor here reads objects, so that nothing is watched. */
export const k8sNotificationSource = definePlugin({
  kind: 'source',
  type: 'k8s-notification-source',
  stability: 'beta',
  summary: 'Names a kind of Kubernetes objects to follow; no extractor here reads any.',
  config: v.strictObject({
    group: v.optional(v.pipe(v.string(), v.description('API group of the objects, empty for the core group.')), ''),
    version: name('API version of the objects.'),
    kind: name('Kind of the objects.'),
  }),
  payload: 'object-events',
  create: (objects) => objects,
});
