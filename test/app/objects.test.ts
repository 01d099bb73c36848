import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readObjects } from '../../src/discovery/objects-file.ts';
import { startEmbeddedGateway } from '../../src/gateway/embedded.ts';
import type { Gateway } from '../../src/gateway/gateway.ts';
import { type ModelServer, startModelServer } from '../../src/simulator/model-server.ts';
import { eventually } from '../kit/eventually.ts';
import { startTestPicker, type TestPicker } from '../kit/picker.ts';

const REWRITE = `
apiVersion: llm-d.ai/v1alpha2
kind: InferenceModelRewrite
metadata: { name: alias }
spec:
  poolRef: { name: test }
  rules:
  - matches: [{ model: { type: Exact, value: alias } }]
    targets: [{ modelRewrite: served-model-with-a-longer-name }]
`;

let folder: string;
let server: ModelServer;
let picker: TestPicker;
let gateway: Gateway;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pointsman-objects-'));
  const objectsFile = join(folder, 'objects.yaml');
  await writeFile(objectsFile, REWRITE);
  server = await startModelServer({ name: 'pod-0', model: 'served-model-with-a-longer-name', speedUp: 20 });
  picker = await startTestPicker([server.port], { objectsFile });
  gateway = await startEmbeddedGateway({ picker: { address: '127.0.0.1', port: picker.grpcPort, tls: false } });
  await picker.scraped();
});

afterAll(async () => {
  await gateway.stop();
  await picker.stop();
  await server.close();
  await rm(folder, { recursive: true });
});

const chat = (model: string, stream: boolean): Promise<Response> =>
  fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, stream, messages: [{ role: 'user', content: 'hello' }], max_tokens: 5 }),
  });

describe('a model under another name', () => {
  it.each([false, true])('is served, and the client reads the name it sent (stream: %s)', async (stream) => {
    const answer = await chat('alias', stream);
    expect(answer.status).toBe(200);
    const text = await answer.text();
    expect(text).toContain('"alias"');
    expect(text).not.toContain('served-model');
  });

  it('is counted', async () => {
    await (await chat('alias', false)).text();
    await eventually('the books are empty', () => picker.table.books.total === 0);
    const lines = await picker.metrics();
    const labels = 'model_rewrite_name="alias",model_name="alias",target_model="served-model-with-a-longer-name"';
    expect(lines.some((line) => line.startsWith(`llm_d_epp_model_rewrite_decisions_total{${labels}} `))).toBe(true);
  });

  it('is no concern of a name that no rule matches', async () => {
    const answer = await chat('unknown', false);
    expect(answer.status).toBe(404);
    expect(await answer.text()).toContain('unknown');
  });
});

describe('the sample objects file', () => {
  it('is one the picker takes', async () => {
    const path = resolve(import.meta.dirname, '../../config/samples/objects.yaml');
    expect(readObjects(await readFile(path, 'utf8'), path, 'epp')).toMatchObject({ errors: [] });
  });
});
