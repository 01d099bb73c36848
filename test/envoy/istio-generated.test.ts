import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { valuesOf } from './backend.ts';
import { gatewayCases } from './gateway-cases.ts';
import { call, chat, eventually } from './http-call.ts';
import { EPP_CALL, EPP_STATS, type IstioGateway, type PoolEndpoint, startIstioGateway } from './istio-generated.ts';
import { startRealPicker } from './real-picker.ts';
import { type Rig, startRig } from './rig.ts';

const JSON_HEADERS = ['content-type', 'application/json'];
const local = (port: number): PoolEndpoint => ({ address: '127.0.0.1', port });

gatewayCases('Envoy with what istiod generated, TLS', {
  startPicker: startRealPicker,
  startGateway: (ports, pickerPort) => startIstioGateway({ endpoints: ports.map(local), pickerPort }),
  secure: true,
  retriesResets: false,
});

describe('Envoy with what istiod generated', () => {
  let rig: Rig;
  let gateway: IstioGateway;

  async function start(options: { failureModeAllow?: boolean } = {}): Promise<void> {
    rig = await startRig({
      backends: 2,
      startPicker: startRealPicker,
      startGateway: async (ports, pickerPort) => {
        gateway = await startIstioGateway({ endpoints: ports.map(local), pickerPort, ...options });
        return gateway;
      },
    });
  }

  const send = (): ReturnType<typeof call> =>
    call(rig.url, '/v1/chat/completions', { headers: JSON_HEADERS, body: chat('hi') });

  afterEach(() => rig.stop());

  describe('as it is', () => {
    beforeEach(() => start());

    it('streams reach the picker under the name of its cluster, over TLS', async () => {
      // Nothing else is said, no authority either: Envoy then sends the name of the cluster.
      expect(EPP_CALL).toEqual({
        envoy_grpc: { cluster_name: 'outbound|9002||model-pool-epp.llm.svc.cluster.local' },
      });
      expect((await send()).status).toBe(200);
      const stats = await gateway.stats?.(EPP_STATS);
      const counts = ['upstream_rq_total', 'upstream_cx_http2_total', 'ssl.handshake', 'ssl.connection_error'];
      expect(counts.map((name) => stats?.get(`${EPP_STATS}${name}`))).toEqual([1, 1, 1, 0]);
      expect(Object.values(await gateway.complaints())).toEqual([0, 0, 0, 0]);
    });

    it('a pod that is not Ready gets what the picker names all the same', async () => {
      await gateway.setEndpoints(rig.backends.map(({ port }) => ({ ...local(port), health: 'UNHEALTHY' })));
      expect((await send()).status).toBe(200);
      const served = rig.backends.filter(({ received }) => received.length > 0);
      expect(served.map(({ hostPort }) => hostPort)).toEqual([firstNamed(rig)]);
    });

    it('an address the gateway does not have is passed over without a word', async () => {
      const [gone, left] = rig.backends;
      await gateway.setEndpoints([local(left.port)]);
      for (let i = 0; i < 8; i++) expect((await send()).status).toBe(200);
      expect([gone.received.length, left.received.length]).toEqual([0, 8]);
    });

    it('without a picker nothing is served', async () => {
      await rig.picker.stop();
      const reply = await send();
      expect([reply.status, reply.body.toString()]).toEqual([500, '']);
    });
  });

  describe('with FailOpen', () => {
    beforeEach(() => start({ failureModeAllow: true }));

    it('a picker that is gone costs requests with a body, and only those', async () => {
      await rig.picker.stop();
      expect((await call(rig.url, '/v1/models', { method: 'GET' })).status).toBe(200);
      expect((await send()).status).toBe(500);
      await eventually('nothing is left', () => rig.picker.table.books.total === 0);
    });
  });
});

function firstNamed(rig: Rig): string {
  const [received] = rig.backends.flatMap((backend) => backend.received);
  return (valuesOf(received.rawHeaders, 'x-gateway-destination-endpoint')[0] ?? '').split(',')[0];
}
