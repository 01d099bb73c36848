import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../kubernetes/api.ts';
import { endpointsOf, oddity, type PodFacts, readPod, samePod } from './pods.ts';

const READY = [
  { type: 'Initialized', status: 'True' },
  { type: 'Ready', status: 'True' },
];

function pod(changes: { metadata?: object; spec?: object; status?: object } = {}): PodFacts {
  const object: KubeObject = {
    metadata: { name: 'vllm-a', labels: { app: 'vllm' }, ...changes.metadata },
    spec: { nodeName: 'node-1', ...changes.spec },
    status: {
      podIP: '10.0.0.1',
      podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }],
      conditions: READY,
      ...changes.status,
    },
  };
  return readPod(object);
}

const annotated = (text: string, name = 'llm-d.ai/active-ports') =>
  pod({ metadata: { annotations: { [name]: text } } });
const portsOf = (facts: PodFacts, ports = [8000, 8001, 8002]) =>
  endpointsOf(facts, 'llm', ports).map(({ name, port }) => `${name}:${port}`);

describe('the endpoints of a pod', () => {
  it('are one for each target port, named after its place', () => {
    const labels = { app: 'vllm', 'kubernetes.io/hostname': 'node-1' };
    expect(endpointsOf(pod(), 'llm', [8000, 9000])).toEqual([
      { namespace: 'llm', name: 'vllm-a-rank-0', podName: 'vllm-a', address: '10.0.0.1', port: 8000, labels },
      { namespace: 'llm', name: 'vllm-a-rank-1', podName: 'vllm-a', address: '10.0.0.1', port: 9000, labels },
    ]);
  });

  it.each<[string, Parameters<typeof pod>[0]]>([
    ['is not ready', { status: { conditions: [{ type: 'Ready', status: 'False' }] } }],
    ['says nothing about being ready', { status: { conditions: null } }],
    ['is deleted', { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }],
    ['has no address', { status: { podIP: undefined } }],
    ['has an address that is none', { status: { podIP: 'x' } }],
  ])('are none while it %s', (_what, changes) => {
    expect(endpointsOf(pod(changes), 'llm', [8000])).toEqual([]);
  });

  it('have the primary address, whatever its family', () => {
    const [endpoint] = endpointsOf(pod({ status: { podIP: 'fd00::1' } }), 'llm', [8000]);
    expect(endpoint?.address).toBe('fd00::1');
  });

  it('are those the annotation names, by either of its names, the new one first', () => {
    expect(portsOf(annotated('8002, 8000'))).toEqual(['vllm-a-rank-0:8000', 'vllm-a-rank-2:8002']);
    expect(portsOf(annotated('8001', 'inference.networking.k8s.io/active-ports'))).toEqual(['vllm-a-rank-1:8001']);
    const both = { 'llm-d.ai/active-ports': '8000', 'inference.networking.k8s.io/active-ports': '8001' };
    expect(portsOf(pod({ metadata: { annotations: both } }))).toEqual(['vllm-a-rank-0:8000']);
  });

  it.each(['', 'all', '80', '8000-8002', '-8000', '8000.0'])('are none when the annotation is "%s"', (text) => {
    const facts = annotated(text);
    expect(portsOf(facts)).toEqual([]);
    expect(oddity(facts, 'llm', [8000, 8001])).toBe(
      `pod llm/vllm-a gets no requests: its annotation llm-d.ai/active-ports is ${JSON.stringify(text)}, which names none of the target ports 8000, 8001`,
    );
  });

  it('are nothing odd for a pod without annotation, with a good one, or not ready', () => {
    const waiting = pod({ metadata: { annotations: { 'llm-d.ai/active-ports': '' } }, status: { conditions: [] } });
    for (const facts of [pod(), annotated('8000'), waiting]) expect(oddity(facts, 'llm', [8000])).toBeUndefined();
  });

  it('tell the machine in a label, unless the pod has that label', () => {
    const hostOf = (facts: PodFacts) => endpointsOf(facts, 'llm', [1])[0]?.labels['kubernetes.io/hostname'];
    expect(hostOf(pod())).toBe('node-1');
    expect(hostOf(pod({ metadata: { labels: { 'kubernetes.io/hostname': 'own' } } }))).toBe('own');
    expect(hostOf(pod({ spec: { nodeName: undefined, hostname: 'vllm-0' } }))).toBe('vllm-0');
    expect(hostOf(pod({ spec: { nodeName: undefined } }))).toBeUndefined();
  });
});

describe('samePod', () => {
  it('holds for what makes the same endpoints', () => {
    expect(
      samePod(pod(), pod({ status: { phase: 'Running', startTime: 'x' }, metadata: { resourceVersion: '9' } })),
    ).toBe(true);
  });

  it.each<[string, Parameters<typeof pod>[0]]>([
    ['readiness', { status: { conditions: [] } }],
    ['deletion', { metadata: { deletionTimestamp: 'x' } }],
    ['address', { status: { podIP: '10.0.0.2' } }],
    ['ports', { metadata: { annotations: { 'llm-d.ai/active-ports': '1' } } }],
    ['machine', { spec: { nodeName: 'node-2' } }],
    ['a label more', { metadata: { labels: { app: 'vllm', role: 'decode' } } }],
    ['another label', { metadata: { labels: { role: 'vllm' } } }],
  ])('does not after a change of %s', (_what, changes) => {
    expect(samePod(pod(), pod(changes))).toBe(false);
  });
});

it('takes any object for a pod', () => {
  expect(readPod({ spec: 7, status: [] })).toMatchObject({ name: '', ready: false, address: undefined });
});
