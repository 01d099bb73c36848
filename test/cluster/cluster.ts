import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { request } from 'undici';
import { parse } from 'yaml';
import { Api, type Manifest } from './api.ts';
import type { ClusterBinaries } from './binaries.ts';
import { freePorts, type ServerProcess, startProcess } from '../kit/server-process.ts';

const ADMIN_TOKEN = 'admin-token';
const START_MS = 60_000;
const POLL_MS = 50;
const CRD_FOLDER = resolve(import.meta.dirname, '../../config/crd');

/** What a user may do, as in a Role or a ClusterRole. */
export interface Rule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly verbs: readonly string[];
}

/** An etcd and a kube-apiserver on loopback; no controllers, no kubelets. */
export class Cluster {
  readonly #binaries: ClusterBinaries;
  readonly #folder: string;
  readonly #etcdPort: number;
  readonly #peerPort: number;
  /** Where the API server listens, also after a restart. */
  readonly port: number;
  #etcd: ServerProcess | undefined;
  #apiserver: ServerProcess | undefined;
  #api: Api | undefined;
  #ca = '';

  /** Starts both with RBAC and the definitions of `config/crd`. Rejects with the server's own words. */
  static async start(binaries: ClusterBinaries): Promise<Cluster> {
    const folder = await mkdtemp(join(tmpdir(), 'pointsman-cluster-'));
    const [port, etcdPort, peerPort] = await freePorts(3);
    const cluster = new Cluster(binaries, folder, { port, etcdPort, peerPort });
    try {
      await cluster.#start();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  private constructor(
    binaries: ClusterBinaries,
    folder: string,
    ports: { readonly port: number; readonly etcdPort: number; readonly peerPort: number },
  ) {
    this.#binaries = binaries;
    this.#folder = folder;
    this.port = ports.port;
    this.#etcdPort = ports.etcdPort;
    this.#peerPort = ports.peerPort;
  }

  /** A client that may do everything. */
  get api(): Api {
    if (this.#api === undefined) throw new Error('the cluster is stopped');
    return this.#api;
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    await this.#api?.close();
    this.#api = undefined;
    await Promise.all([this.#apiserver?.stop(0), this.#etcd?.stop(0)]);
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Stops the API server and leaves etcd running; `startApiServer` brings it back on the same port. */
  async stopApiServer(): Promise<void> {
    // It waits for idle connections of its clients, longer than anybody here wants to.
    await this.#apiserver?.stop(1_500);
    this.#apiserver = undefined;
  }

  /** Resolves when the API server is ready. */
  async startApiServer(): Promise<void> {
    this.#apiserver = await startProcess(this.#binaries.apiserver, this.#apiserverFlags());
    await waitFor('the API server is ready', this.#apiserver, async () => {
      const ca = await readFile(join(this.#folder, 'certs', 'apiserver.crt'), 'utf8');
      if (this.#ca !== ca) {
        this.#ca = ca;
        await this.#api?.close();
        this.#api = new Api({ url: this.url, ca, token: ADMIN_TOKEN });
      }
      return (await this.api.call('GET', '/readyz')) === 'ok';
    });
  }

  async restartApiServer(): Promise<void> {
    await this.stopApiServer();
    await this.startApiServer();
  }

  /**
   * Makes etcd forget every revision but the present one. A watch that has to begin at an older one is answered with
   * 410 once the API server has lost what it kept in memory, which is when it restarts.
   */
  async compact(): Promise<void> {
    const { header } = (await this.#etcdCall('kv/range', { key: 'AA==' })) as { header: { revision: string } };
    await this.#etcdCall('kv/compaction', { revision: header.revision, physical: true });
  }

  /**
   * A kubeconfig file for a service account that may do exactly what `rules` say in its namespace. `port` is where it
   * finds the API server, by default there where it is.
   */
  async user(
    namespace: string,
    name: string,
    rules: readonly Rule[],
    { port = this.port }: { readonly port?: number } = {},
  ): Promise<string> {
    const metadata = { name, namespace };
    const rbac = 'rbac.authorization.k8s.io';
    await this.api.apply(
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
      { apiVersion: `${rbac}/v1`, kind: 'Role', metadata, rules },
      {
        apiVersion: `${rbac}/v1`,
        kind: 'RoleBinding',
        metadata,
        roleRef: { apiGroup: rbac, kind: 'Role', name },
        subjects: [{ kind: 'ServiceAccount', name, namespace }],
      },
    );
    await this.allowed(namespace, name, rules);
    return this.kubeconfig(`${namespace}-${name}`, await this.token(namespace, name), port);
  }

  /** A bearer token of a service account, for an hour. */
  async token(namespace: string, name: string): Promise<string> {
    const account = await this.api.pathOf({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } });
    const answer = (await this.api.call('POST', `${account}/token`, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { expirationSeconds: 3600 },
    })) as { status: { token: string } };
    return answer.status.token;
  }

  /** A kubeconfig file of somebody who may do everything. */
  admin(): Promise<string> {
    return this.kubeconfig('admin', ADMIN_TOKEN);
  }

  /** Writes a kubeconfig file for the holder of `token`; returns its path. */
  async kubeconfig(name: string, token: string, port: number = this.port): Promise<string> {
    const file = join(this.#folder, `${name}.kubeconfig`);
    const server = `https://127.0.0.1:${port}`;
    const ca = Buffer.from(this.#ca).toString('base64');
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'test', cluster: { server, 'certificate-authority-data': ca } }],
      users: [{ name, user: { token } }],
      contexts: [{ name, context: { cluster: 'test', user: name } }],
      'current-context': name,
    };
    await writeFile(file, JSON.stringify(config), { mode: 0o600 });
    return file;
  }

  /** Applies the definitions of `config/crd` whose file name begins with one of `groups`; resolves when they serve. */
  async installCrds(groups: readonly string[] = ['']): Promise<void> {
    const files = (await readdir(CRD_FOLDER)).filter((file) => groups.some((group) => file.startsWith(group)));
    const manifests = await Promise.all(
      files.map(async (file) => parse(await readFile(join(CRD_FOLDER, file), 'utf8')) as Manifest),
    );
    await this.define(...manifests);
  }

  /** Applies CustomResourceDefinitions; resolves when their kinds are served. */
  async define(...definitions: readonly Manifest[]): Promise<void> {
    await this.api.apply(...definitions);
    for (const definition of definitions) await this.#established(definition);
  }

  async #start(): Promise<void> {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    await writeFile(join(this.#folder, 'sa.key'), privateKey, { mode: 0o600 });
    await writeFile(join(this.#folder, 'sa.pub'), publicKey);
    await writeFile(join(this.#folder, 'tokens.csv'), `${ADMIN_TOKEN},admin,1,"system:masters"\n`, { mode: 0o600 });
    this.#etcd = await startProcess(this.#binaries.etcd, this.#etcdFlags());
    await waitFor('etcd is ready', this.#etcd, async () => {
      const { statusCode, body } = await request(`http://127.0.0.1:${this.#etcdPort}/health`);
      await body.dump();
      return statusCode === 200;
    });
    await this.startApiServer();
    await this.installCrds();
  }

  #etcdFlags(): string[] {
    const client = `http://127.0.0.1:${this.#etcdPort}`;
    const peer = `http://127.0.0.1:${this.#peerPort}`;
    return [
      `--data-dir=${join(this.#folder, 'etcd')}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
      '--unsafe-no-fsync',
      '--log-level=error',
    ];
  }

  #apiserverFlags(): string[] {
    return [
      `--etcd-servers=http://127.0.0.1:${this.#etcdPort}`,
      `--secure-port=${this.port}`,
      '--bind-address=127.0.0.1',
      '--advertise-address=127.0.0.1',
      `--cert-dir=${join(this.#folder, 'certs')}`,
      `--token-auth-file=${join(this.#folder, 'tokens.csv')}`,
      '--authorization-mode=RBAC',
      '--anonymous-auth=false',
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${join(this.#folder, 'sa.pub')}`,
      `--service-account-signing-key-file=${join(this.#folder, 'sa.key')}`,
      '--service-cluster-ip-range=10.0.0.0/16,fd00::/108',
      // Without controllers no namespace ever gets the account the plugin waits for.
      '--disable-admission-plugins=ServiceAccount',
    ];
  }

  async #etcdCall(path: string, body: unknown): Promise<unknown> {
    const answer = await request(`http://127.0.0.1:${this.#etcdPort}/v3/${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    if (answer.statusCode !== 200) throw new Error(`etcd ${path}: ${await answer.body.text()}`);
    return answer.body.json();
  }

  /** Waits until the API server has taken notice of a role, which it does a moment after the role is written. */
  async allowed(namespace: string, name: string, rules: readonly Rule[]): Promise<void> {
    for (const { apiGroups = [], resources = [], resourceNames, verbs } of rules) {
      for (const resource of resources) {
        for (const verb of verbs) {
          const resourceAttributes = { namespace, verb, resource, group: apiGroups[0], name: resourceNames?.[0] };
          await waitFor(`${name} may ${verb} ${resource}`, this.#apiserver, async () => {
            const answer = await this.api.call('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {
              apiVersion: 'authorization.k8s.io/v1',
              kind: 'SubjectAccessReview',
              spec: { user: `system:serviceaccount:${namespace}:${name}`, resourceAttributes },
            });
            return (answer as { status: { allowed: boolean } }).status.allowed;
          });
        }
      }
    }
  }

  async #established(crd: Manifest): Promise<void> {
    const { group, versions, names } = crd['spec'] as {
      group: string;
      versions: { name: string; served: boolean }[];
      names: { plural: string };
    };
    const path = `/apis/${group}/${versions.find(({ served }) => served)?.name}/${names.plural}`;
    await waitFor(`${path} is served`, this.#apiserver, async () => {
      await this.api.call('GET', path);
      return true;
    });
  }
}

/** Polls `condition` while `server` lives; what it throws counts as not yet. */
async function waitFor(
  what: string,
  server: ServerProcess | undefined,
  condition: () => Promise<boolean>,
): Promise<void> {
  let reason = '';
  for (let waitedMs = 0; waitedMs < START_MS && server?.isRunning() !== false; waitedMs += POLL_MS) {
    try {
      if (await condition()) return;
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
    await delay(POLL_MS);
  }
  throw new Error(`never happened: ${what}: ${reason}\n${server?.log() ?? ''}`);
}
