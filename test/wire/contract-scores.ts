import { describe, expect } from 'vitest';
import { CATALOG } from '../../src/app/catalog.ts';
import { systemClock } from '../../src/app/clock.ts';
import { buildCore, type PickerCore } from '../../src/app/core.ts';
import { resolveConfig } from '../../src/config/resolve.ts';
import { Capacity } from '../../src/ext-proc/capacity.ts';
import { ExtProcStream } from '../../src/ext-proc/stream.ts';
import {
  decodeProcessingResponse,
  encodeProcessingResponse,
  type ProcessingRequest,
  type StructValue,
} from '../../src/protos/ext-proc.ts';
import type { DecisionRecord } from '../../src/scheduling/decision.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { TEST_SETTINGS } from '../kit/picker.ts';
import { scraped } from '../kit/pool.ts';
import { row, THREE } from './contract-kit.ts';
import { completion, podHostPort, subsetOf } from './contract-rig.ts';
import { RecordingWire } from './support.ts';

const DESTINATION = 'x-gateway-destination-endpoint';
const SCORES = 'x-gateway-destination-endpoint-scores';
const WEIGHTED = [
  { pluginRef: 'queue-scorer', weight: 2 },
  { pluginRef: 'kv-cache-utilization-scorer', weight: 3 },
];

/** A picker over three pods with `scorers`, told by flag whether to emit what they say; `undefined` says nothing. */
function coreOf(
  emitEndpointScores: boolean | undefined,
  scorers: readonly { readonly pluginRef: string }[] = WEIGHTED,
) {
  const text = JSON.stringify({
    apiVersion: 'llm-d.ai/v1alpha1',
    kind: 'EndpointPickerConfig',
    plugins: [...scorers.map(({ pluginRef }) => ({ type: pluginRef })), { type: 'max-score-picker' }],
    schedulingProfiles: [{ name: 'default', plugins: [...scorers, { pluginRef: 'max-score-picker' }] }],
  });
  const catalog = new Map(CATALOG);
  const config = resolveConfig(text, { catalog, allowExperimental: false, source: 'test' });
  const settings = { ...TEST_SETTINGS, fallbackEndpoints: 0, emitEndpointScores };
  const core = buildCore(config, settings, new Metrics({ processMetrics: false }), createLog('silent'));
  const specs = THREE.map((_, i) => ({ namespace: 'default', name: `pod-${i}`, port: 8000, labels: {} }));
  core.table.replace(specs.map((spec, i) => ({ ...spec, address: podHostPort(i).split(':')[0] })));
  for (const [i, [waiting, kvUsage]] of THREE.entries()) {
    const slot = core.table.byHostPort(podHostPort(i))?.slot ?? -1;
    scraped(core.table, slot, { waiting, kvUsage });
    core.table.signals.scrapedAtMs[slot] = systemClock.nowMs();
  }
  return core;
}

/** What the load balancer of the proxy is told when it sends `messages`. */
function balancerFields(core: PickerCore, messages: readonly ProcessingRequest[]): Record<string, StructValue> {
  const wire = new RecordingWire();
  const stream = new ExtProcStream({ director: core.director, capacity: new Capacity(), maxBodyBytes: 1e6 }, wire);
  for (const each of messages) stream.receive(each);
  stream.halfClose();
  const answer = decodeProcessingResponse(encodeProcessingResponse(wire.answers[0]));
  expect(Object.keys(answer.dynamicMetadata?.fields ?? {})).toEqual(['envoy.lb']);
  return answer.dynamicMetadata?.fields?.['envoy.lb']?.structValue?.fields ?? {};
}

function scoresOf(fields: Record<string, StructValue>): Record<string, number | null | undefined> {
  const scores = Object.entries(fields[SCORES]?.structValue?.fields ?? {});
  return Object.fromEntries(scores.map(([hostPort, { numberValue }]) => [hostPort, numberValue]));
}

/** Section 7.3, rows 33 to 35. */
export function scoreRows(): void {
  const { messages } = completion('m');

  describe('scores of endpoints (7.3)', () => {
    row(33, 'with the flag, the weighted sum of every candidate beside the destination', async () => {
      const core = coreOf(true);
      const fields = balancerFields(core, messages);
      expect(fields[DESTINATION].stringValue).toBe(podHostPort(1));
      const scores = scoresOf(fields);
      expect(Object.keys(scores)).toEqual([podHostPort(0), podHostPort(1), podHostPort(2)]);
      // Queues of 3, 0 and 10 score 0.7, 1 and 0 and weigh 2; caches used to 0.2, 0.1 and 0.2 weigh 3.
      expect(scores[podHostPort(0)]).toBeCloseTo(2 * 0.7 + 3 * 0.8, 12);
      expect(scores[podHostPort(1)]).toBeCloseTo(2 * 1 + 3 * 0.9, 12);
      expect(scores[podHostPort(2)]).toBeCloseTo(2 * 0 + 3 * 0.8, 12);
    });

    row(33, 'with the flag, of the candidates a subset leaves alone, and none of the request before', async () => {
      const core = coreOf(true);
      balancerFields(core, messages);
      const [headers, body] = messages;
      const fields = balancerFields(core, [subsetOf(headers, podHostPort(2)), body]);
      expect(fields[DESTINATION].stringValue).toBe(podHostPort(2));
      expect(Object.keys(scoresOf(fields))).toEqual([podHostPort(2)]);
    });

    row(33, 'with the flag, the same total a listener hears', async () => {
      const core = coreOf(true);
      const heard: DecisionRecord[] = [];
      core.decisionListener = (decision) => void heard.push(decision);
      const scores = scoresOf(balancerFields(core, messages));
      expect(heard.map(({ totals }) => [...totals])).toEqual([[scores[podHostPort(1)]]]);
    });

    row(34, 'without the flag, the destination alone', async () => {
      for (const flag of [false, undefined]) {
        expect(Object.keys(balancerFields(coreOf(flag), messages))).toEqual([DESTINATION]);
      }
    });

    row(35, 'with the flag and no scorer, the destination alone', async () => {
      expect(Object.keys(balancerFields(coreOf(true, []), messages))).toEqual([DESTINATION]);
    });
  });
}
