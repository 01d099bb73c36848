import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import { ConfigError } from '../core/errors.ts';

const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/** Environment variables, as `process.env` gives them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Finds the API server and how to prove who we are: the files of `$KUBECONFIG`, else the pod's service account, else
 * `~/.kube/config`. Source: contract `config-and-plugins.md` 1.2. Throws `ConfigError`. The library is loaded here,
 * since it costs 85 MB and nobody needs it without Kubernetes.
 */
export async function loadKubeConfig(env: Environment): Promise<KubeConfig> {
  const { KubeConfig: Config } = await import('@kubernetes/client-node');
  const config = new Config();
  const files = (env['KUBECONFIG'] ?? '').split(delimiter).filter((file) => file !== '');
  const home = join(env['HOME'] ?? homedir(), '.kube', 'config');
  if (files.length > 0) {
    for (const file of files) {
      const next = new Config();
      readFile(next, file, '$KUBECONFIG names');
      config.mergeConfig(next, config.getCurrentContext() !== undefined);
    }
  } else if (isInCluster(env)) {
    config.loadFromCluster();
  } else if (existsSync(home)) {
    readFile(config, home, 'there is');
  } else {
    throw new ConfigError(
      'no Kubernetes API server is known: set KUBECONFIG, run in a pod with a service account, or take endpoints from a file with a file-discovery plugin',
    );
  }
  const cluster = config.getCurrentCluster();
  if (cluster === null) {
    const context = config.getCurrentContext() ?? '';
    throw new ConfigError(
      `the kubeconfig ${files.join(delimiter) || home} has no cluster for its current context "${context}": choose one with kubectl config use-context`,
    );
  }
  if (cluster.server.startsWith('http:') && !cluster.skipTLSVerify) {
    throw new ConfigError(
      `the API server ${cluster.server} is reached without TLS: say insecure-skip-tls-verify: true in the kubeconfig if that is meant`,
    );
  }
  return config;
}

function isInCluster(env: Environment): boolean {
  const named = env['KUBERNETES_SERVICE_HOST'] !== undefined && env['KUBERNETES_SERVICE_PORT'] !== undefined;
  return named && existsSync(SERVICE_ACCOUNT_TOKEN);
}

function readFile(config: KubeConfig, file: string, origin: string): void {
  try {
    config.loadFromFile(file);
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n', 1)[0] : String(error);
    throw new ConfigError(`${origin} the kubeconfig ${file}, which cannot be used: ${why}`);
  }
}
