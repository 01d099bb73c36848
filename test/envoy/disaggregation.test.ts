import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type ModelServer, startModelServer } from '../../src/simulator/model-server.ts';
import { ROLE_LABEL } from '../../src/simulator/roles.ts';
import { endpointsText, startTestPicker, type TestPicker } from '../kit/picker.ts';
import { SAMPLES } from '../kit/samples.ts';
import { valuesOf } from './backend.ts';
import { call, chat, eventually } from './http-call.ts';
import { envoyWith, type Rig, type RigGateway, startRig } from './rig.ts';

const HEADERS = ['content-type', 'application/json'];
const PREFILLER = 'x-prefiller-host-port';
const STAGE_HEADERS = [PREFILLER, 'x-encoder-hosts-ports', 'x-data-parallel-host-port'];
const FORGED = STAGE_HEADERS.flatMap((name) => [name, '9.9.9.9:1', name, '9.9.9.9:2']);
/** Of servers by index. */
const ROLES = ['prefill', 'prefill', 'decode', 'decode'];
const LONG = 'a long prompt about trains '.repeat(100);
let asked = 0;

/** A picker with sample S2 as it is shipped, over a pool from a file. */
async function startPdPicker(ports: readonly number[], secure: boolean): Promise<TestPicker> {
  const endpoints = endpointsText(ports, (index) => ({ [ROLE_LABEL]: ROLES[index] }));
  const config = (path: string) => {
    const { plugins, ...rest } = parse(SAMPLES.S2) as { plugins: object[] };
    return {
      ...rest,
      plugins: [...plugins, { name: 'file', type: 'file-discovery', parameters: { path, watchFile: true } }],
      dataLayer: { discovery: { pluginRef: 'file' } },
    };
  };
  // Scraped rarely: a pick counts until a scrape must show it, and servers of a test never say that they are busy.
  const settings = { secure, refreshMetricsIntervalMs: 3_000 };
  const picker = await startTestPicker(endpoints, settings, { config });
  await picker.scraped();
  return picker;
}

describe('prefill and decode (S2) behind Envoy', () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await startRig({ backends: 4, startPicker: startPdPicker, startGateway: envoyWith() });
  });
  afterAll(() => rig.stop());
  beforeEach(() => {
    for (const { received } of rig.backends) received.length = 0;
  });

  /** Sends a request; the server that got it and the values it got of each stage header. */
  async function send(text: string, headers: readonly string[] = []) {
    const reply = await call(rig.url, '/v1/chat/completions', { headers: [...HEADERS, ...headers], body: chat(text) });
    expect(reply.status).toBe(200);
    const reached = rig.backends.flatMap(({ received }, index) => received.map((each) => ({ index, ...each })));
    expect(reached).toHaveLength(1);
    const [{ index, rawHeaders }] = reached;
    for (const { received } of rig.backends) received.length = 0;
    const stages = Object.fromEntries(STAGE_HEADERS.map((name) => [name, valuesOf(rawHeaders, name)]));
    const destination = valuesOf(rawHeaders, 'x-gateway-destination-endpoint');
    return { role: ROLES[index], server: rig.backends[index].hostPort, destination, stages };
  }

  const prefillers = () => rig.backends.slice(0, 2).map(({ hostPort }) => hostPort);
  const NONE = Object.fromEntries(STAGE_HEADERS.map((name) => [name, []]));

  it.each([
    ['as it comes', []],
    ['with forged headers', FORGED],
  ])('sends a long prompt %s to a decode server that is told one prefill server', async (_how, forged) => {
    const { role, server, destination, stages } = await send(`${asked++} ${LONG}`, forged);
    expect(role).toBe('decode');
    expect(destination[0].split(',')[0]).toBe(server);
    expect(stages).toEqual({ ...NONE, [PREFILLER]: [expect.stringMatching(/^127\.0\.0\.1:\d+$/)] });
    expect(prefillers()).toContain(stages[PREFILLER][0]);
  });

  it.each([
    ['a short prompt', () => send('hi')],
    ['a short prompt with forged headers', () => send('hi', FORGED)],
  ])('sends %s to a decode server that is told nothing', async (_what, sent) => {
    const { role, stages } = await sent();
    expect([role, stages]).toEqual(['decode', NONE]);
  });

  it('sends a prompt that is cached where it is cached, and tells nothing', async () => {
    const text = `${asked++} ${LONG}`;
    const first = await send(text);
    expect(first.stages[PREFILLER]).toHaveLength(1);
    const again = await send(text, FORGED);
    expect([again.server, again.stages]).toEqual([first.server, NONE]);
  });

  it('spreads prefill work while nobody has answered', async () => {
    const held: (() => void)[] = [];
    const answers = rig.backends.map(({ answer }) => answer);
    const told: string[] = [];
    for (const backend of rig.backends) {
      backend.answer = ({ rawHeaders }, response) => {
        told.push(...valuesOf(rawHeaders, PREFILLER));
        held.push(() => response.end('{}'));
      };
    }
    const calls = Array.from({ length: 8 }, () =>
      call(rig.url, '/v1/chat/completions', { headers: HEADERS, body: chat(`${asked++} ${LONG}`) }),
    );
    await eventually('all requests have reached a server', () => held.length === 8);
    for (const answer of held) answer();
    await Promise.all(calls);
    for (const [index, backend] of rig.backends.entries()) backend.answer = answers[index];
    expect(prefillers().map((each) => told.filter((name) => name === each).length)).toEqual([4, 4]);
    await eventually('the books are empty', () => rig.picker.table.books.total === 0);
  });

  it('Envoy had nothing to complain about', async () => {
    expect(Object.values(await rig.gateway.complaints())).toEqual([0, 0, 0, 0]);
  });
});

describe('simulated prefill and decode pools behind Envoy', () => {
  const servers: ModelServer[] = [];
  let picker: TestPicker;
  let gateway: RigGateway;
  beforeAll(async () => {
    for (const role of ROLES) servers.push(await startModelServer({ name: role, role, model: 'm', speedUp: 20 }));
    const ports = servers.map(({ port }) => port);
    picker = await startPdPicker(ports, true);
    gateway = await envoyWith()(ports, picker.grpcPort, true);
  });
  afterAll(async () => {
    await gateway.stop();
    await picker.stop();
    await Promise.all(servers.map((server) => server.close()));
  });

  const total = (servers_: readonly ModelServer[], count: (server: ModelServer) => number): number =>
    servers_.reduce((sum, server) => sum + count(server), 0);
  const ask = (text: string, extra: object = {}) =>
    call(gateway.url, '/v1/chat/completions', { headers: [...HEADERS, ...FORGED], body: chat(text, extra) });

  it('have long prompts computed by prefill servers and answered by decode servers', async () => {
    const [prefill, decode] = [servers.slice(0, 2), servers.slice(2)];
    for (let i = 0; i < 6; i++) {
      const reply = await ask(`${asked++} ${LONG}`, { stream: true, max_tokens: 5 });
      expect([reply.status, reply.body.toString().trimEnd().endsWith('data: [DONE]')]).toEqual([200, true]);
    }
    for (let i = 0; i < 3; i++) expect((await ask('hi')).status).toBe(200);
    const byPrefill = decode.flatMap((server) => Object.entries(server.state().prefilledBy));
    expect(total(decode, (server) => server.state().completed)).toBe(9);
    expect(byPrefill.reduce((sum, [, count]) => sum + count, 0)).toBe(6);
    expect(byPrefill.map(([name]) => name).filter((name) => !prefill.some(({ url }) => url.endsWith(name)))).toEqual(
      [],
    );
    // One token for each prompt, which is what a prefill server is asked for.
    expect(total(prefill, (server) => server.state().generationTokens)).toBe(6);
    const decisions = (await picker.metrics()).filter((line) => line.startsWith('llm_d_epp_disagg_decision_total{'));
    expect(decisions.map((line) => line.replace(/.*decision_type="(.*)"\} /, '$1 ')).toSorted()).toEqual([
      'decode-only 3',
      'prefill-decode 6',
    ]);
  });

  it('go on answering when every prefill server has died', async () => {
    await Promise.all(servers.slice(0, 2).map((server) => server.crash()));
    await picker.writeEndpoints(
      endpointsText(
        servers.slice(2).map(({ port }) => port),
        () => ({ [ROLE_LABEL]: 'decode' }),
      ),
    );
    await eventually('the pool has shrunk', () => picker.table.all.length === 2);
    expect((await ask(`${asked++} ${LONG}`)).status).toBe(200);
    const failures = (await picker.metrics()).filter((line) =>
      line.startsWith('llm_d_epp_disagg_stage_failures_total{'),
    );
    expect(failures).toEqual([expect.stringMatching(/stage="prefill"\} 1$/)]);
  });
});
