import { describe, expect, it } from 'vitest';
import { manualClock } from '../../test/kit/clock.ts';
import { answeringApi } from '../../test/kit/kubernetes.ts';
import type { ApiRequest } from './api.ts';
import { type ApiError, errorOf } from './api-error.ts';
import { EventRecorder, type Happening } from './events.ts';

const POOL = {
  apiVersion: 'inference.networking.k8s.io/v1',
  kind: 'InferencePool',
  namespace: 'llm',
  name: 'vllm',
  uid: 'u-1',
};
const EMPTY: Happening = { reason: 'NoReadyEndpoints', action: 'Discover', note: 'nobody is ready' };
const FOLDER = '/apis/events.k8s.io/v1/namespaces/llm/events';

function rig() {
  const clock = manualClock();
  const asked: ApiRequest[] = [];
  const faults: (ApiError | undefined)[] = [];
  const failures: string[] = [];
  const api = answeringApi(async (request) => {
    asked.push(request);
    const fault = faults.shift();
    if (fault !== undefined) throw fault;
    return Promise.resolve({});
  });
  const recorder = new EventRecorder({
    api,
    clock,
    now: () => new Date('2026-01-01T00:00:00.123Z'),
    instance: 'vllm-epp-1',
    failed: ({ message }) => void failures.push(message),
  });
  const tell = async (happening: Partial<Happening> = {}): Promise<void> => {
    recorder.tell(POOL, { ...EMPTY, ...happening });
    await recorder.settled();
  };
  const calls = () =>
    asked.map(
      ({ method, body }) =>
        `${method} ${JSON.stringify((body as { series?: { count: number } }).series?.count ?? null)}`,
    );
  return { clock, asked, faults, failures, recorder, tell, calls };
}

describe('event recorder', () => {
  it('writes what the API wants of an event', async () => {
    const { tell, asked } = rig();
    await tell();
    expect(asked).toEqual([
      {
        method: 'POST',
        path: FOLDER,
        timeoutMs: 3_000,
        body: {
          apiVersion: 'events.k8s.io/v1',
          kind: 'Event',
          metadata: { name: expect.stringMatching(/^vllm\.[0-9a-f]{16}$/), namespace: 'llm' },
          eventTime: '2026-01-01T00:00:00.123000Z',
          reportingController: 'llm-d.ai/pointsman',
          reportingInstance: 'vllm-epp-1',
          type: 'Warning',
          reason: 'NoReadyEndpoints',
          action: 'Discover',
          note: 'nobody is ready',
          regarding: POOL,
        },
      },
    ]);
  });

  it('says the same thing once a minute, with how often it happened', async () => {
    const { tell, calls, clock, asked } = rig();
    await tell();
    for (let i = 0; i < 5; i++) await tell();
    clock.advance(59_999);
    await tell();
    expect(calls()).toEqual(['POST null']);
    clock.advance(1);
    await tell();
    expect(calls()).toEqual(['POST null', 'PATCH 8']);
    const name = (asked[0].body as { metadata: { name: string } }).metadata.name;
    expect(asked[1]).toMatchObject({
      path: `${FOLDER}/${name}`,
      contentType: 'application/merge-patch+json',
      body: { series: { lastObservedTime: '2026-01-01T00:00:00.123000Z' } },
    });
  });

  it('counts on where somebody else was first, and begins anew what was forgotten', async () => {
    const { tell, calls, clock, faults } = rig();
    faults.push(errorOf(409, 'already exists'));
    await tell();
    expect(calls()).toEqual(['POST null', 'PATCH 2']);
    clock.advance(60_000);
    faults.push(errorOf(404, 'not found'));
    await tell();
    expect(calls().slice(2)).toEqual(['PATCH 3', 'POST null']);
  });

  it('writes ten things at once, then one each half minute', async () => {
    const { tell, asked, clock } = rig();
    for (let i = 0; i < 11; i++) await tell({ note: `n${i}` });
    expect(asked.length).toBe(10);
    clock.advance(29_999);
    await tell({ note: 'late' });
    expect(asked.length).toBe(10);
    clock.advance(1);
    await tell({ note: 'late' });
    await tell({ note: 'later' });
    expect(asked.length).toBe(11);
    clock.advance(3_600_000);
    for (let i = 0; i < 11; i++) await tell({ note: `m${i}` });
    expect(asked.length).toBe(21);
  });

  it('cuts a note that is too long', async () => {
    const { tell, asked } = rig();
    await tell({ note: 'x'.repeat(1_024) });
    await tell({ note: 'x'.repeat(1_025) });
    const notes = asked.map(({ body }) => (body as { note: string }).note);
    expect([notes[0].endsWith('xx'), notes[1].endsWith('x...'), notes[1].length]).toEqual([true, true, 1_024]);
  });

  it('tells a failure and goes on', async () => {
    const { tell, faults, failures, calls } = rig();
    faults.push(errorOf(403, 'events is forbidden'));
    await tell();
    await tell({ note: 'other' });
    expect(failures).toEqual(['403 events is forbidden']);
    expect(calls()).toEqual(['POST null', 'POST null']);
  });
});
