import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { Api, ApiFailure, inParallel } from './api.ts';
import { LEGACY_GROUP, objective, PICKER_RULES, pod, pool, rewrite, setStatus } from './manifests.ts';
import { describeCluster } from './suite.ts';

const NAMESPACE = 'rig';

describeCluster('the rig', (cluster) => {
  it('has pods with the status a test gives them', async () => {
    const { api } = cluster();
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } };
    const manifests = [0, 1, 2].map((i) => pod({ name: `vllm-${i}`, namespace: NAMESPACE, labels: { app: 'llm' } }));
    await api.apply(namespace);
    await inParallel(manifests, async (manifest) => {
      await api.apply(manifest);
      await setStatus(api, manifest, { ip: ['127.0.0.7', '::1'], ready: true });
      expect(await api.get(manifest)).toMatchObject({
        status: { podIP: '127.0.0.7', podIPs: [{ ip: '127.0.0.7' }, { ip: '::1' }] },
      });
      await api.remove(manifest);
      await expect(api.get(manifest)).rejects.toThrow(/^404 /);
    });
  });

  it('checks custom resources as the published definitions do', async () => {
    const { api } = cluster();
    const good = pool({ name: 'llm', namespace: NAMESPACE, ports: [8000, 8001] });
    await api.apply(good);
    expect(await api.get(good)).toMatchObject({ spec: { appProtocol: 'http' } });
    await expect(api.apply(pool({ name: 'llm', namespace: NAMESPACE, ports: [1, 1] }))).rejects.toThrow(
      /port number must be unique/,
    );
    for (const group of [undefined, LEGACY_GROUP]) {
      const owner = { namespace: NAMESPACE, pool: 'llm', ...(group && { group }) };
      const made = objective({ name: 'gold', priority: -1, ...owner });
      await api.apply(made, rewrite({ name: 'alias', target: 'm', ...owner }));
      expect(await api.get(made)).toMatchObject({ spec: { poolRef: { group: 'inference.networking.k8s.io' } } });
    }
  });

  it('has users who may do what their rules say and nothing else', async () => {
    const file = await cluster().user(NAMESPACE, 'reader', PICKER_RULES);
    const { clusters, users } = JSON.parse(await readFile(file, 'utf8'));
    const reader = new Api({
      url: clusters[0].cluster.server,
      ca: Buffer.from(clusters[0].cluster['certificate-authority-data'], 'base64').toString(),
      token: users[0].user.token,
    });
    await reader.call('GET', `/api/v1/namespaces/${NAMESPACE}/pods`);
    await expect(reader.call('GET', `/api/v1/namespaces/${NAMESPACE}/secrets`)).rejects.toThrow(ApiFailure);
    await expect(reader.call('GET', '/api/v1/namespaces/default/pods')).rejects.toThrow(/forbidden/);
    await reader.close();
  });

  it('keeps its state and its port when the API server restarts, and loses history when etcd is compacted', async () => {
    const manifest = pod({ name: 'stays', namespace: NAMESPACE, labels: {} });
    const { api } = cluster();
    await api.apply(manifest);
    const { metadata } = (await api.get(manifest)) as { metadata: { resourceVersion: string } };
    await api.patch(manifest, { metadata: { labels: { changed: 'yes' } } });
    await cluster().compact();
    await cluster().restartApiServer();
    expect(await cluster().api.get(manifest)).toMatchObject({ metadata: { labels: { changed: 'yes' } } });
    const watch = `/api/v1/namespaces/${NAMESPACE}/pods?watch=true&timeoutSeconds=1`;
    const answer = cluster().api.call('GET', `${watch}&resourceVersion=${metadata.resourceVersion}`);
    expect(await answer).toMatchObject({ type: 'ERROR', object: { code: 410 } });
  });
});
