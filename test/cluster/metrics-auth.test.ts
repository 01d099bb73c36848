import { beforeAll, expect, it } from 'vitest';
import { eventually } from '../kit/eventually.ts';
import { allowEverywhere, manifestRules, reviewRules } from './chart-rights.ts';
import { pool } from './manifests.ts';
import type { PickerProcess } from './picker-process.ts';
import { describeCluster, startPicker } from './suite.ts';

const NAMESPACE = 'readers';

describeCluster('who may read metrics', (cluster) => {
  let may: string;
  let mayNot: string;

  beforeAll(async () => {
    const { api } = cluster();
    for (const name of ['prometheus', 'stranger']) await cluster().user(NAMESPACE, name, []);
    await allowEverywhere(cluster(), { name: 'prometheus', namespace: NAMESPACE }, [
      { nonResourceURLs: ['/metrics'], verbs: ['get'] },
    ]);
    await api.apply(pool({ name: 'vllm', namespace: NAMESPACE }));
    may = await cluster().token(NAMESPACE, 'prometheus');
    mayNot = await cluster().token(NAMESPACE, 'stranger');
  });

  const args = ['--pool-name=vllm', `--pool-namespace=${NAMESPACE}`, '--metrics-endpoint-auth'];
  const statusesOf = (picker: PickerProcess, path: string) =>
    Promise.all([undefined, 'made-up', mayNot, may].map(async (token) => (await picker.read(path, token)).status));

  it("is the API server's to say, with the manifests' rights", async () => {
    const kubeconfig = await cluster().user(NAMESPACE, 'picker', manifestRules());
    await allowEverywhere(cluster(), { name: 'picker', namespace: NAMESPACE }, reviewRules());
    const picker = await startPicker({ kubeconfig, args });
    await eventually('Prometheus has its right', async () => (await picker.read('/metrics', may)).status === 200);
    expect(await statusesOf(picker, '/metrics')).toEqual([401, 401, 403, 200]);
    expect((await picker.read('/metrics', may)).text).toContain('llm_d_epp_info');
    // The right to read one page is not the right to read another.
    expect(await statusesOf(picker, '/debug/health')).toEqual([401, 401, 403, 403]);
    expect(picker.server.log()).not.toContain(may);
  });

  it('is still known while the API server is away', async () => {
    const kubeconfig = await cluster().user(NAMESPACE, 'picker', manifestRules());
    await allowEverywhere(cluster(), { name: 'picker', namespace: NAMESPACE }, reviewRules());
    const picker = await startPicker({ kubeconfig, args });
    expect((await picker.read('/metrics', may)).status).toBe(200);
    await cluster().stopApiServer();
    expect((await picker.read('/metrics', may)).status).toBe(200);
    expect((await picker.read('/metrics', 'another')).status).toBe(500);
    await cluster().startApiServer();
    await eventually('it is asked again', async () => (await picker.read('/metrics', 'another')).status === 401);
  });

  it('is nobody when the picker has no right to ask, and the log names it', async () => {
    const kubeconfig = await cluster().user(NAMESPACE, 'mute', manifestRules());
    const picker = await startPicker({ kubeconfig, args });
    expect(await statusesOf(picker, '/metrics')).toEqual([401, 500, 500, 500]);
    expect(picker.server.log()).toContain('cannot create resource \\"tokenreviews\\"');
  });

  it('is asked by default, and not when told so', async () => {
    const kubeconfig = await cluster().user(NAMESPACE, 'mute', manifestRules());
    const picker = await startPicker({ kubeconfig, args: [...args, '--metrics-endpoint-auth=false'] });
    expect((await picker.read('/metrics')).status).toBe(200);
  });
});
