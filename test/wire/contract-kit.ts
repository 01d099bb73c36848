import { status } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import type { PickerSettings } from '../../src/app/settings.ts';
import type { PluginDefinition } from '../../src/core/plugin.ts';
import { type ContractPicker, type Pod, podHostPort, startContractPicker, type Told } from './contract-rig.ts';

/** Rows that have a test. */
export const held = new Set<number>();

/** A test of one or more rows. */
export function row(numbers: number | readonly number[], title: string, test: () => Promise<void>): void {
  const list = [numbers].flat();
  for (const number of list) held.add(number);
  it(`${list.join(', ')}: ${title}`, test);
}

export const THREE: readonly Pod[] = [
  [3, 0.2],
  [0, 0.1],
  [10, 0.2],
];
const OBJECTIVES = [
  { name: 'my-model', priority: 2 },
  { name: 'direct-model', priority: 2 },
  { name: 'inference-objective-with-priority-4', priority: 4 },
  { name: 'sheddable', priority: -1 },
];
export const JSON_OK = { ':status': '200', 'content-type': 'application/json' };
export const SSE_OK = { ':status': '200', 'content-type': 'text/event-stream' };

const open: ContractPicker[] = [];

/** Stops what a test has started. */
export function stopAll(): void {
  for (const picker of open.splice(0)) picker.stop();
}

/** A picker with objectives, stopped by `stopAll`. */
export async function start(
  pods: readonly Pod[] = THREE,
  configText?: string,
  plugins: readonly PluginDefinition[] = [],
  changes: Partial<PickerSettings> = {},
): Promise<ContractPicker> {
  const picker = await startContractPicker(pods, configText, plugins, changes);
  picker.core.objectives.replace(OBJECTIVES);
  open.push(picker);
  return picker;
}

/** Believes the pods of a test for as long as it runs. */
const DETECTOR = { type: 'utilization-detector', parameters: { metricsStalenessThreshold: '1h' } };

/** A configuration with one parser and the load scorers. */
export const withParser = (type: string): string =>
  JSON.stringify({
    apiVersion: 'llm-d.ai/v1alpha1',
    kind: 'EndpointPickerConfig',
    plugins: [
      { type },
      { type: 'queue-scorer' },
      { type: 'kv-cache-utilization-scorer' },
      { type: 'max-score-picker' },
      DETECTOR,
    ],
    schedulingProfiles: [
      {
        name: 'default',
        plugins: ['queue-scorer', 'kv-cache-utilization-scorer', 'max-score-picker'].map((pluginRef) => ({
          pluginRef,
        })),
      },
    ],
    requestHandler: { parsers: [{ pluginRef: type }] },
  });

/** A plugin as a configuration declares it. */
export interface Declared {
  readonly type: string;
  readonly name?: string;
  readonly parameters?: object;
  /** Of a scorer in its profile. */
  readonly weight?: number;
}

/** A configuration whose one profile has the load scorers and `inProfile`; `others` are declared besides. */
export const withPlugins = (inProfile: readonly Declared[], others: readonly Declared[] = []): string => {
  const members: readonly Declared[] = [{ type: 'queue-scorer' }, ...inProfile, { type: 'max-score-picker' }];
  return JSON.stringify({
    apiVersion: 'llm-d.ai/v1alpha1',
    kind: 'EndpointPickerConfig',
    plugins: [...[...members, ...others].map(({ weight: _weight, ...declared }) => declared), DETECTOR],
    schedulingProfiles: [
      { name: 'default', plugins: members.map(({ name, type, weight }) => ({ pluginRef: name ?? type, weight })) },
    ],
  });
};

/** The stream went well: answered to `pod`, header and metadata alike, and ended with OK. */
export function expectRoute(told: Told, pod: number): void {
  expect(told.refusal).toBeUndefined();
  expect([told.destination, told.code]).toEqual([podHostPort(pod), status.OK]);
  expect(told.metadata).toBe(told.destinations);
  const [first] = told.answers;
  expect(first?.requestHeaders?.response?.clearRouteCache).toBe(true);
}

/** The stream was answered with this refusal and nothing else. */
export function expectRefusal(told: Told, code: number, text: string, dropReason?: string): void {
  expect(told.refusal).toMatchObject({ status: code, message: text });
  expect(told.refusal?.headers['x-llm-d-request-dropped-reason']).toBe(dropReason);
  expect([told.answers.length, told.code]).toEqual([1, status.OK]);
}

export const NOBODY =
  'inference error: ServiceUnavailable - failed to find endpoint candidates for serving the request';
export const NO_MODEL = 'inference error: BadRequest - model not found in request body';
export const BAD_BODY = 'inference error: BadRequest - error unmarshaling request bodyMap: ';
