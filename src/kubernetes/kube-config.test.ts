import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadKubeConfig } from './kube-config.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'pointsman-home-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

async function config(name: string, changes: object = {}): Promise<string> {
  const file = join(home, name);
  await writeFile(
    file,
    JSON.stringify({
      clusters: [{ name, cluster: { server: `https://${name}:6443` } }],
      users: [{ name, user: { token: 't' } }],
      contexts: [{ name, context: { cluster: name, user: name } }],
      'current-context': name,
      ...changes,
    }),
  );
  return file;
}

const serverOf = async (env: Record<string, string>): Promise<string | undefined> =>
  (await loadKubeConfig({ HOME: home, ...env })).getCurrentCluster()?.server;

describe('loadKubeConfig', () => {
  it('takes $KUBECONFIG before all else, of several files the first context', async () => {
    const files = [await config('one'), await config('two')];
    expect(await serverOf({ KUBECONFIG: files.join(delimiter) })).toBe('https://one:6443');
    const loaded = await loadKubeConfig({ KUBECONFIG: files.join(delimiter) });
    expect(loaded.getClusters().map(({ name }) => name)).toEqual(['one', 'two']);
  });

  it('takes ~/.kube/config where there is nothing else', async () => {
    await mkdir(join(home, '.kube'));
    await config('.kube/config');
    expect(await serverOf({})).toBe('https://.kube/config:6443');
  });

  it('says what to do where there is nothing', async () => {
    await expect(serverOf({})).rejects.toThrow(/^no Kubernetes API server is known: set KUBECONFIG/);
    // Named by the environment, but this is no pod: there is no service account.
    const pod = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' };
    await expect(serverOf(pod)).rejects.toThrow(/^no Kubernetes API server is known/);
  });

  it('names a file that cannot be used', async () => {
    await expect(serverOf({ KUBECONFIG: join(home, 'none') })).rejects.toThrow(
      /^\$KUBECONFIG names the kubeconfig .*none, which cannot be used: ENOENT/,
    );
    await writeFile(join(home, 'bad'), '{"clusters": [');
    await expect(serverOf({ KUBECONFIG: join(home, 'bad') })).rejects.toThrow(/bad, which cannot be used: /);
  });

  it('refuses a context that leads nowhere, and a server without TLS', async () => {
    const nowhere = await config('a', { 'current-context': 'b' });
    await expect(serverOf({ KUBECONFIG: nowhere })).rejects.toThrow(
      /a has no cluster for its current context "b": choose one with kubectl config use-context$/,
    );
    const plain = await config('p', { clusters: [{ name: 'p', cluster: { server: 'http://p' } }] });
    await expect(serverOf({ KUBECONFIG: plain })).rejects.toThrow(/^the API server http:\/\/p is reached without TLS/);
  });
});
