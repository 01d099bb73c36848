import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Churn } from '../../loadtest/stack/churn.ts';
import type { ServerProcess } from '../../loadtest/stack/server-process.ts';
import type { PickerEndpoints } from '../../loadtest/stack/picker-process.ts';
import type { FaultPatch } from '../../src/simulator/faults.ts';
import type { Exchange } from './chat.ts';
import { Gap } from './gap.ts';
import { type Rig, startRig } from './rig.ts';
import { survive } from './survive.ts';

/** An ejected server is tried after 1, 2, 4 and 8 s; the chats sent meanwhile take less, even on a busy machine. */
const MAX_PROBES = 4;

const parts = new AsyncDisposableStack();
let rig: Rig;
let victim: ServerProcess;

beforeAll(async () => {
  rig = await startRig(parts);
  [victim] = rig.servers;
});
afterAll(() => parts.disposeAsync());

/** A server's answer that began and broke off cannot be had again from another server. */
const brokenOff = (chat: Exchange): boolean => chat.cut && chat.server === victim.name;
const brokenOffByTwo = (chat: Exchange): boolean =>
  chat.cut && rig.servers.slice(0, 2).some(({ name }) => name === chat.server);
/** A server's own error is its answer; Istio's gateway passes it on. */
const answeredBadly = ({ status, server }: Exchange): boolean => status >= 500 && server === victim.name;
const answeredWell = ({ right, server, startedMs }: Exchange, sinceMs: number): boolean =>
  right && server === victim.name && startedMs > sinceMs;
/** The server in trouble as the picker sees it. */
const seen = async (): Promise<PickerEndpoints[number] | undefined> =>
  (await rig.picker.endpoints()).find(({ address }) => address.endsWith(`:${victim.port}`));
const busy = async (): Promise<boolean> => ((await seen())?.inflight ?? 0) > 0;
const ejected = async (): Promise<boolean> => (await seen())?.health === 'ejected';

describe('a server', () => {
  it('is killed, and started again', () =>
    survive(
      rig,
      async ({ passes, until }) => {
        await until('the server has requests in flight', busy);
        await victim.inflict('kill');
        await until('the picker ejects it', ejected);
        await passes();
      },
      brokenOff,
    ));

  it('is killed again and again', () =>
    survive(
      rig,
      async ({ passes, until }) => {
        for (let life = 0; life < 3; life += 1) {
          await victim.inflict('kill');
          await until('the picker ejects it', ejected);
          await victim.inflict('none');
          await passes(20);
        }
      },
      brokenOff,
    ));

  it('is killed together with another, while metrics of all hang', () =>
    survive(
      rig,
      async ({ passes }) => {
        for (const server of rig.servers) await server.setFaults({ metrics: 'slow', metricsDelaySeconds: 3600 });
        await passes();
        await Promise.all(rig.servers.slice(0, 2).map((server) => server.inflict('kill')));
        await passes();
      },
      brokenOffByTwo,
    ));

  it('is stopped, and goes on', () =>
    survive(rig, async ({ passes, until }) => {
      await until('the server has requests in flight', busy);
      await victim.inflict('hang');
      await until('the picker ejects it', ejected);
      await passes();
    }));

  it('generates slowly', () => under({ slowFactor: 20 }));

  it('answers every other request with 500', () =>
    survive(
      rig,
      async ({ ended, passes, until }) => {
        await victim.setFaults({ errorRate: 0.5, errorStatus: 500 });
        await until('a chat was answered with 500', () => ended.some(answeredBadly));
        await passes();
      },
      answeredBadly,
    ));

  it('has bursts of 503', () =>
    survive(
      rig,
      async ({ ended, passes, until }) => {
        for (let burst = 0; burst < 3; burst += 1) {
          await victim.setFaults({ errorRate: 1, errorStatus: 503 });
          await until('the picker ejects it', ejected);
          const ejectedMs = performance.now();
          await passes(20);
          const probes = ended.filter((chat) => answeredBadly(chat) && chat.startedMs > ejectedMs);
          expect(probes.length, 'chats that went to an ejected server').toBeLessThanOrEqual(MAX_PROBES);
          await victim.inflict('none');
          const healedMs = performance.now();
          await until('the server answers again', () => ended.some((chat) => answeredWell(chat, healedMs)));
        }
      },
      answeredBadly,
    ));

  it('cuts streams off, and closes before it answers', () =>
    survive(
      rig,
      async ({ ended, passes, until }) => {
        await victim.setFaults({ cutAfterTokens: 5 });
        await until('a stream was cut', () => ended.some(brokenOff));
        await passes();
      },
      (chat) => chat.stream && brokenOff(chat),
    ));

  it('refuses connections', () =>
    survive(rig, async ({ passes, until }) => {
      // It refuses the one who would lift this, too.
      await victim.setFaults({ refuseConnections: true, forSeconds: 3 });
      await passes();
      await until('the server listens again', () => victim.listens());
    }));
});

describe('metrics of two servers', () => {
  it('are errors', () => under({ metrics: 'error' }, 2));
  it('are garbage', () => under({ metrics: 'garbage' }, 2));
  it('are frozen', () => under({ metrics: 'frozen' }, 2));
  it('hang', () => under({ metrics: 'slow', metricsDelaySeconds: 3600 }, 2));
});

describe('metrics of all servers', () => {
  it('are errors', () => under({ metrics: 'error' }, 4));
  it('hang', () => under({ metrics: 'slow', metricsDelaySeconds: 3600 }, 4));
});

describe('clients', () => {
  it('leave before their answers are complete', () =>
    survive(
      rig,
      async ({ passes, leave }) => {
        for (let round = 0; round < 10; round += 1) {
          await passes(10);
          leave();
        }
      },
      ({ left }) => left,
    ));
});

describe('the pool', () => {
  it('changes 20 times a second', () =>
    survive(rig, async ({ passes }) => {
      const churn = new Churn(rig);
      await churn.set(20);
      try {
        await passes(100);
      } finally {
        await churn.set(0);
      }
    }));
});

describe('the parts between', () => {
  it('Envoy dies and is started again', () => {
    const gap = new Gap();
    return survive(
      rig,
      ({ passes }) => gap.around(() => rig.gateway.crash(), passes),
      (chat) => gap.overlaps(chat),
    );
  });

  it('the picker is replaced by another one', () =>
    survive(rig, async ({ passes }) => {
      await rig.picker.replace((ports) => rig.gateway.setPickers(ports));
      await passes();
    }));

  // With one picker and FailClose, as in Istio by default: nobody can answer while it is not there.
  it('the picker is restarted, and ends what it began', () => {
    const gap = new Gap();
    return survive(
      rig,
      ({ passes }) => gap.around(() => rig.picker.restart('in order'), passes),
      (chat) => chat.status === 500 && chat.server === undefined && gap.began(chat),
    );
  });

  it('the picker dies and is started again', () => {
    const gap = new Gap();
    return survive(
      rig,
      ({ passes }) => gap.around(() => rig.picker.restart('SIGKILL'), passes),
      (chat) => gap.overlaps(chat),
    );
  });
});

/** A fault of one server or several for 60 chats, of which none may fail. */
function under(fault: FaultPatch, servers = 1): Promise<void> {
  return survive(rig, async ({ passes }) => {
    for (const server of rig.servers.slice(0, servers)) await server.setFaults(fault);
    await passes();
  });
}
