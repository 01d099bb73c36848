import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { manualClock } from '../../test/kit/clock.ts';
import { ScriptedDirector } from '../../test/wire/support.ts';
import { NO_HEADERS } from '../core/headers.ts';
import { Metrics } from './metrics.ts';
import { StreamMetrics } from './stream-metrics.ts';

function rig() {
  const metrics = new Metrics({ processMetrics: false, streamMetrics: true });
  const clock = manualClock();
  const page = async () => (await metrics.registry.metrics()).split('\n');
  return { clock, page, streams: new StreamMetrics(metrics, clock) };
}

describe('stream metrics', () => {
  it.each([
    [status.OK, 'OK'],
    [status.CANCELLED, 'Canceled'],
    [status.DEADLINE_EXCEEDED, 'DeadlineExceeded'],
    [status.INVALID_ARGUMENT, 'InvalidArgument'],
    [status.RESOURCE_EXHAUSTED, 'ResourceExhausted'],
    [status.UNAUTHENTICATED, 'Unauthenticated'],
    [99, 'Unknown'],
  ])('count code %d as %s', async (code, name) => {
    const { streams, page } = rig();
    streams.started();
    streams.started();
    streams.ended(code);
    expect(await page()).toEqual(
      expect.arrayContaining([
        'llm_d_epp_extproc_streams_inflight 1',
        `llm_d_epp_extproc_streams_total{code="${name}"} 1`,
      ]),
    );
  });

  it('time an exchange and pass everything on', async () => {
    const { streams, page, clock } = rig();
    const director = new ScriptedDirector();
    const exchange = streams.timed(director).open(NO_HEADERS);
    clock.advance(100);
    const piece = Buffer.from('x');
    expect(exchange.responseBody(piece, true)).toBe(piece);
    exchange.end('complete');
    expect(director.calls.slice(1)).toEqual(['piece x', 'end complete']);
    expect(await page()).toContain('llm_d_epp_extproc_stream_duration_seconds_sum 0.1');
  });
});
