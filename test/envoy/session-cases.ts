import { afterEach, describe, expect, it } from 'vitest';
import { endpointsText, startTestPicker, type TestPicker } from '../kit/picker.ts';
import { eventually, type Reply } from './http-call.ts';
import { makeBusy, send } from './one-request.ts';
import { type Rig, type StartRigGateway, startRig } from './rig.ts';

const TOKEN = 'x-session-token';
const SESSION = 'x-session-id';

/** A plugin that keeps sessions, or none, and what it is told. */
interface Keeper {
  readonly type: string | undefined;
  readonly parameters?: object;
}

const BY_ID = { strategy: 'session_id' };
const KEEPERS: readonly (Keeper & { readonly type: string; readonly header: string })[] = [
  { type: 'session-affinity-scorer', header: TOKEN },
  { type: 'session-affinity-filter', header: TOKEN },
  { type: 'session-affinity-scorer', parameters: BY_ID, header: SESSION },
  { type: 'session-affinity-filter', parameters: BY_ID, header: SESSION },
];

/** The queue decides, unless the keeper, which weighs more, says otherwise. */
function configOf({ type, parameters }: Keeper, path: string): object {
  const keeper = type === undefined ? [] : [{ type, parameters }];
  const weights: Record<string, number> = { 'queue-scorer': 1, 'session-affinity-scorer': 10 };
  const members = [{ type: 'queue-scorer' }, ...keeper, { type: 'max-score-picker' }];
  return {
    plugins: [{ name: 'file', type: 'file-discovery', parameters: { path, watchFile: true } }, ...members],
    schedulingProfiles: [
      {
        name: 'default',
        plugins: members.map((plugin) => ({ pluginRef: plugin.type, weight: weights[plugin.type] })),
      },
    ],
    dataLayer: { discovery: { pluginRef: 'file' } },
    // What is shown is that a session moves when its server is gone; health would keep the request from going there.
    health: { enabled: false },
  };
}

/** Whether sessions stay where they are, through a whole picker and a gateway, against a control without a keeper. */
export function sessionCases(name: string, startGateway: StartRigGateway): void {
  const open: { stop(): Promise<unknown> }[] = [];
  afterEach(async () => {
    for (const part of open.splice(0)) await part.stop();
  });

  async function setUp(keeper: Keeper) {
    let picker: TestPicker | undefined;
    const rig: Rig = await startRig({
      backends: 3,
      secure: false,
      startGateway,
      async startPicker(ports, secure) {
        picker = await startTestPicker(ports, { secure }, { config: (path) => configOf(keeper, path) });
        await picker.scraped();
        return picker;
      },
    });
    open.push(rig);
    if (picker === undefined) throw new Error('the rig started no picker');
    return { rig, picker };
  }

  describe(`sessions, ${name}`, () => {
    it.each(KEEPERS)('of $type by $header stay at their server while others avoid it', async (keeper) => {
      const { header } = keeper;
      const { rig, picker } = await setUp(keeper);
      const first = await send(rig, header === SESSION ? { [SESSION]: 'mine' } : {});
      const mine: Record<string, string> =
        header === SESSION ? { [SESSION]: 'mine' } : { [TOKEN]: tokenIn(first.reply) };
      await makeBusy(first.server, rig, picker);
      for (let i = 0; i < 10; i++) {
        const { server, reply } = await send(rig, mine);
        expect(server).toBe(first.server);
        expect(reply.headers[TOKEN]).toBe(first.reply.headers[TOKEN]);
        expect((await send(rig, header === SESSION ? { [SESSION]: `other-${i}` } : {})).server).not.toBe(first.server);
      }
      expect(Object.values(await rig.gateway.complaints()).every((count) => count === 0)).toBe(true);
    });

    it('do not without a plugin that keeps them', async () => {
      const { rig, picker } = await setUp({ type: undefined });
      const headers = { [SESSION]: 'mine', [TOKEN]: Buffer.from('default/pod-0').toString('base64') };
      const first = await send(rig, headers);
      expect(first.reply.headers[TOKEN]).toBeUndefined();
      await makeBusy(first.server, rig, picker);
      for (let i = 0; i < 10; i++) expect((await send(rig, headers)).server).not.toBe(first.server);
    });

    it('move with their token to the server that took over, and stay there', async () => {
      const { rig } = await setUp({ type: 'session-affinity-scorer' });
      const first = await send(rig, {});
      await first.server.die();
      const rescued = await send(rig, { [TOKEN]: tokenIn(first.reply) });
      expect(rescued.reply.status).toBe(200);
      expect(rescued.named[0]).toBe(first.server.hostPort);
      expect(tokenIn(rescued.reply)).not.toBe(tokenIn(first.reply));
      for (let i = 0; i < 5; i++) {
        const { server, named } = await send(rig, { [TOKEN]: tokenIn(rescued.reply) });
        expect([server, named[0]]).toEqual([rescued.server, rescued.server.hostPort]);
      }
    });

    it('bound here outlive a server that leaves the pool and comes back', async () => {
      const { rig, picker } = await setUp({ type: 'session-affinity-filter', parameters: BY_ID });
      const ports = rig.backends.map(({ port }) => port);
      const { server } = await send(rig, { [SESSION]: 'mine' });
      const id = `default/pod-${rig.backends.indexOf(server)}`;
      const slot = picker.table.byId(id)?.slot;
      const without = JSON.parse(endpointsText(ports)) as { endpoints: { name: string }[] };
      without.endpoints = without.endpoints.filter(({ name: pod }) => !id.endsWith(pod));
      await picker.writeEndpoints(JSON.stringify(without));
      await eventually('the server is gone', () => picker.table.byId(id) === undefined);
      await picker.writeEndpoints(endpointsText(ports));
      await eventually('the server is back', () => picker.table.byId(id) !== undefined);
      expect(picker.table.byId(id)?.slot).not.toBe(slot);
      await makeBusy(server, rig, picker);
      for (let i = 0; i < 5; i++) expect((await send(rig, { [SESSION]: 'mine' })).server).toBe(server);
    });
  });
}

function tokenIn({ headers }: Reply): string {
  const token = headers[TOKEN];
  if (typeof token !== 'string') throw new Error('the response has no token');
  expect(Buffer.from(token, 'base64').toString()).toMatch(/^default\/pod-\d$/);
  return token;
}
