import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import type { Manifest } from './api.ts';
import type { Cluster, Rule } from './cluster.ts';

const CONFIG = resolve(import.meta.dirname, '../../config');

/** What the plain manifests let the picker do in its namespace. */
export function manifestRules(): readonly Rule[] {
  return rulesIn('manifests/rbac.yaml', 'Role');
}

/** What they let it ask about who reads metrics. */
export function reviewRules(): readonly Rule[] {
  return rulesIn('manifests/metrics-auth.yaml', 'ClusterRole');
}

/** What the chart adds for leader election, for this Lease: the text of its template. */
export function electionRules(lease: string): readonly Rule[] {
  const template = readFileSync(join(CONFIG, 'charts/pointsman/templates/rbac.yaml'), 'utf8');
  const block = /\{\{- if \$c\.leaderElection \}\}\n([^]*?)\{\{- end \}\}/.exec(template)?.[1];
  if (block === undefined) throw new Error('the chart has no rules for leader election any more');
  return parse(block.replace(/\[\{\{.*\}\}\]/, `[${lease}]`)) as Rule[];
}

/** Gives a service account cluster-wide rights; resolves when it has them. */
export async function allowEverywhere(
  cluster: Cluster,
  account: { readonly name: string; readonly namespace: string },
  rules: readonly Rule[],
): Promise<void> {
  const group = 'rbac.authorization.k8s.io';
  const metadata = { name: `${account.namespace}-${account.name}` };
  await cluster.api.apply(
    { apiVersion: `${group}/v1`, kind: 'ClusterRole', metadata, rules },
    {
      apiVersion: `${group}/v1`,
      kind: 'ClusterRoleBinding',
      metadata,
      roleRef: { apiGroup: group, kind: 'ClusterRole', name: metadata.name },
      subjects: [{ kind: 'ServiceAccount', ...account }],
    },
  );
  await cluster.allowed(account.namespace, account.name, rules);
}

function rulesIn(file: string, kind: string): readonly Rule[] {
  const documents = parseAllDocuments(readFileSync(join(CONFIG, file), 'utf8')).map(
    (document) => document.toJS() as Manifest,
  );
  const found = documents.find((document) => document.kind === kind);
  if (found === undefined) throw new Error(`${file} has no ${kind}`);
  return found['rules'] as Rule[];
}
