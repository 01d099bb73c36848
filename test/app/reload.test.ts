import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/app/config.ts';
import { startPicker } from '../../src/app/picker.ts';
import { PickerClient } from '../../src/gateway/picker-client.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { eventually } from '../kit/eventually.ts';
import { defaultConfig, endpointsText, startTestPicker, TEST_SETTINGS, type TestPicker } from '../kit/picker.ts';
import { message } from '../wire/support.ts';

/** Nobody listens there: decisions need no servers. */
const ENDPOINTS = endpointsText([1, 2, 3]);
const CHAT = { ':method': 'POST', ':path': '/v1/chat/completions' };
const BODY = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'a prompt '.repeat(100) }] });

const open: { stop(): Promise<unknown> }[] = [];

afterEach(async () => {
  for (const part of open.splice(0).toReversed()) await part.stop();
});

async function start(): Promise<{ picker: TestPicker; ask: () => Promise<string | undefined> }> {
  const picker = await startTestPicker(ENDPOINTS);
  open.push(picker);
  const client = new PickerClient({ address: '127.0.0.1', port: picker.grpcPort, tls: false });
  open.push({ stop: () => Promise.resolve(client.close()) });
  return { picker, ask: () => ask(client) };
}

/** One request; resolves to its destination, or rejects when it is refused. */
async function ask(client: PickerClient): Promise<string | undefined> {
  const stream = client.open();
  await stream.send(message.requestHeaders(false, CHAT));
  await stream.send(message.requestBody(BODY, true));
  const answer = await stream.next();
  if (!answer?.requestHeaders) throw new Error(`refused: ${JSON.stringify(answer)}`);
  await stream.next();
  await stream.send(message.responseHeaders(true));
  await stream.next();
  stream.end();
  const set = answer.requestHeaders.response?.headerMutation?.setHeaders?.[0]?.header?.rawValue;
  return set === undefined || set === null ? undefined : Buffer.from(set).toString();
}

async function value(picker: TestPicker, name: string): Promise<number> {
  const line = (await picker.metrics()).find((each) => each.startsWith(`llm_d_epp_${name} `));
  return Number(line?.split(' ').at(-1) ?? 0);
}

const generation = (picker: TestPicker): Promise<number> => value(picker, 'config_generation');
const reloads = (picker: TestPicker, result: string): Promise<number> =>
  value(picker, `config_reload_total{result="${result}"}`);

/** One endpoint in an answer instead of three. */
function onlyRandom(path: string): object {
  const config = defaultConfig(path);
  config.plugins.push({ type: 'random-picker', parameters: { maxNumOfEndpoints: 1 } });
  config.schedulingProfiles[0].plugins = [{ pluginRef: 'prefix-cache-scorer' }, { pluginRef: 'random-picker' }];
  return config;
}

describe('a changed configuration file', () => {
  it('replaces the running one and leaves plugins that did not change their state', async () => {
    const { picker, ask: request } = await start();
    await request();
    const blocks = await value(
      picker,
      'prefix_indexer_size{plugin_name="approx-prefix-cache-producer",plugin_type="approx-prefix-cache-producer"}',
    );
    expect(blocks).toBeGreaterThan(0);
    await picker.writeConfig(onlyRandom);
    await eventually('the second generation runs', async () => (await generation(picker)) === 2);
    await request();
    const hits = (await picker.metrics()).filter((line) => line.startsWith('llm_d_epp_prefix_indexer_hit_ratio_count'));
    expect(hits).toHaveLength(1);
    expect(hits[0]).toMatch(/ 2$/);
    const durations = (await picker.metrics()).join('\n');
    expect(durations).toContain('plugin_type="random-picker"');
    expect(await reloads(picker, 'success')).toBe(1);
  });

  it('changes what is read from metrics pages, at once and with certificates that are there', async () => {
    const server = createServer((_, response) => {
      response.end('vllm:num_requests_waiting 1\nsglang:num_queue_reqs 7\ndepth{tier="gold"} 3\n');
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    open.push({ stop: async () => void server.close(() => server.closeAllConnections()) });
    const { port } = server.address() as AddressInfo;
    const picker = await startTestPicker([port]);
    open.push(picker);
    const { table } = picker;
    const [slot] = table.all;
    await eventually('the queue of one engine is read', () => table.signals.waiting[slot] === 1);
    const engineConfigs = [
      {
        name: 'mine',
        queuedRequestsSpec: 'sglang:num_queue_reqs',
        customMetrics: [{ attributeKey: 'depth', metricSpec: 'depth{tier=gold}' }],
      },
    ];
    const reading =
      (parameters: object, source: object = {}) =>
      (path: string) => {
        const config = defaultConfig(path);
        config.plugins.push({ type: 'core-metrics-extractor', parameters });
        config.plugins.push({ type: 'metrics-data-source', parameters: source });
        return config;
      };
    await picker.writeConfig(reading({ engineConfigs, defaultEngine: 'mine' }));
    await eventually('the queue of the other is read', () => table.signals.waiting[slot] === 7);
    expect(table.attribute('depth')?.[slot]).toBe(3);
    await picker.writeConfig(reading({ defaultEngine: 'sglang' }, { scheme: 'https', caCertPath: '/nowhere.pem' }));
    await eventually('the refusal is counted', async () => (await reloads(picker, 'failure')) === 1);
    expect(picker.logged.map(({ msg }) => String(msg)).join('\n')).toContain('"/nowhere.pem" cannot be read');
    const scrapes = table.signals.scrapes[slot];
    await eventually('the last good one goes on', () => table.signals.scrapes[slot] > scrapes + 2);
    expect([table.signals.waiting[slot], table.attribute('depth')?.[slot]]).toEqual([7, 3]);
    await picker.writeConfig(reading({ defaultEngine: 'vllm' }));
    await eventually('the first queue is read again', () => table.signals.waiting[slot] === 1);
    expect(table.attribute('depth')).toBeUndefined();
  });

  it('that is wrong is told with its place, and the last good one stays', async () => {
    const { picker, ask: request } = await start();
    await picker.writeConfig('plugins:\n- type: queue-scorr\n');
    await eventually('the refusal is counted', async () => (await reloads(picker, 'failure')) === 1);
    expect(await generation(picker)).toBe(1);
    const told = picker.logged.map(({ msg }) => String(msg)).join('\n');
    expect(told).toMatch(/picker\.yaml:2:9: plugins\[0\]\.type: .*queue-scorr.*queue-scorer/);
    expect(told).toContain('configuration not reloaded; the last good one stays');
    expect(await request()).toBeDefined();
  });

  it.each([
    ['is empty for a moment', ''],
    [
      'lists a handler that cannot run its profiles',
      JSON.stringify({ schedulingProfiles: [{ name: 'a' }, { name: 'b' }] }),
    ],
  ])('that %s changes nothing', async (_what, text) => {
    const { picker, ask: request } = await start();
    await picker.writeConfig(text);
    await eventually('the refusal is counted', async () => (await reloads(picker, 'failure')) === 1);
    expect(await generation(picker)).toBe(1);
    expect(await request()).toBeDefined();
  });

  it('names what takes a restart', async () => {
    const { picker } = await start();
    await picker.writeConfig((path) => ({ ...defaultConfig(`${path}.other`), featureGates: ['flowControl'] }));
    await eventually('the second generation runs', async () => (await generation(picker)) === 2);
    const told = picker.logged.map(({ msg }) => String(msg));
    expect(told).toContain('dataLayer.discovery changed: that takes a restart, the running one stays');
    expect(told).toContain('featureGates changed: that takes a restart, the running one stays');
  });

  it('is followed where a ConfigMap swaps its symbolic link', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'pointsman-test-'));
    open.push({ stop: () => rm(folder, { recursive: true, force: true }) });
    const endpoints = join(folder, 'endpoints.yaml');
    await writeFile(endpoints, ENDPOINTS);
    const version = async (name: string, config: object): Promise<void> => {
      await mkdir(join(folder, name));
      await writeFile(join(folder, name, 'picker.yaml'), JSON.stringify(config));
      await symlink(name, join(folder, '..data_tmp'));
      await rename(join(folder, '..data_tmp'), join(folder, '..data'));
    };
    await version('..1', defaultConfig(endpoints));
    const file = join(folder, 'picker.yaml');
    await symlink(join('..data', 'picker.yaml'), file);
    const { config, text } = await loadConfig({ file, text: undefined, allowExperimental: false });
    const configFile = { file, text, allowExperimental: false };
    const logged: string[] = [];
    const log = createLog('info', { write: (line) => void logged.push(line) });
    open.push(await startPicker(config, { ...TEST_SETTINGS, configFile }, log));
    await version('..2', onlyRandom(endpoints));
    await eventually('the swap is seen', () => logged.some((line) => line.includes('configuration reloaded')));
  });

  it('may change 50 times under load, good and bad in turn, and no request fails', async () => {
    const { picker, ask: request } = await start();
    const failures: unknown[] = [];
    let asked = 0;
    const load = setInterval(() => {
      asked++;
      request().catch((error: unknown) => failures.push(error));
    }, 2);
    for (let i = 0; i < 50; i++) {
      const bad = i % 2 === 1;
      await picker.writeConfig(bad ? `plugins: [{type: nonsense-${i}}]` : i % 4 === 0 ? onlyRandom : defaultConfig);
      const [result, count] = bad ? ['failure', (i + 1) / 2] : ['success', i / 2 + 1];
      await eventually(`change ${i} is seen`, async () => (await reloads(picker, result)) === count);
    }
    clearInterval(load);
    await eventually('every request has ended', () => picker.table.books.total === 0);
    expect(failures).toEqual([]);
    expect(asked).toBeGreaterThan(500);
    expect([await generation(picker), await reloads(picker, 'success'), await reloads(picker, 'failure')]).toEqual([
      26, 25, 25,
    ]);
  });
});
