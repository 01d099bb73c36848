import { POOL_GROUP } from './crds.ts';
import { type Finding, notesOf } from './finding.ts';
import { fields } from './fields.ts';
import type { PickerPod, Visit } from './installation.ts';

const REVIEWS = '/apis/authorization.k8s.io/v1';

/** A right the picker uses. */
interface Need {
  readonly group: string;
  readonly resource: string;
  readonly verbs: readonly string[];
  /** Of the one object the right may be for. */
  readonly name?: string;
  /** Reviews are of no namespace. */
  readonly wide?: true;
  /** Why it is wanted; a right that only makes things nicer is a warning when it lacks. */
  readonly use: string;
  readonly isNice?: true;
}

/** What the picker has to be allowed to do. Source: `config/manifests/rbac.yaml` and the chart. */
function needsOf({ namespace, poolName }: Visit, objectGroup: string, picker: PickerPod | undefined): readonly Need[] {
  const follow = ['list', 'watch'];
  const needs: Need[] = [
    { group: '', resource: 'pods', verbs: follow, use: 'to find model servers' },
    { group: POOL_GROUP, resource: 'inferencepools', verbs: follow, use: 'to read the pool' },
    { group: objectGroup, resource: 'inferenceobjectives', verbs: follow, use: 'to know priorities' },
    { group: objectGroup, resource: 'inferencemodelrewrites', verbs: follow, use: 'to rewrite models' },
    {
      group: 'events.k8s.io',
      resource: 'events',
      verbs: ['create', 'patch'],
      use: 'to tell of trouble as Events',
      isNice: true,
    },
  ];
  if (picker?.leaderElection === true) {
    const lease = { group: 'coordination.k8s.io', resource: 'leases', use: 'to elect a leader' };
    needs.push({ ...lease, verbs: ['create'] });
    needs.push({ ...lease, verbs: ['get', 'update'], name: `epp-${namespace}-${poolName}.llm-d.ai` });
  }
  if (picker?.metricsAuth === true) {
    const use = 'to check who reads /metrics';
    needs.push(
      { group: 'authentication.k8s.io', resource: 'tokenreviews', verbs: ['create'], wide: true, use, isNice: true },
      {
        group: 'authorization.k8s.io',
        resource: 'subjectaccessreviews',
        verbs: ['create'],
        wide: true,
        use,
        isNice: true,
      },
    );
  }
  return needs;
}

/** Whose rights are asked for; without a user those of whoever asks. */
interface Account {
  readonly user: string | undefined;
  readonly title: string;
}

/** Asks the API server whether the account the picker runs as may do what it must. */
export async function checkPermissions(
  visit: Visit,
  objectGroup: string,
  picker: PickerPod | undefined,
): Promise<Finding[]> {
  const { ok, skipped } = notesOf('permissions');
  const own: Account = { user: undefined, title: 'the account this runs as' };
  const user = picker && `system:serviceaccount:${visit.namespace}:${picker.serviceAccount}`;
  // Outside, what we may do ourselves says nothing of the picker.
  if (user === undefined && !visit.isInside)
    return [skipped('no pod of the picker was found, so its account is unknown')];
  const needs = needsOf(visit, objectGroup, picker);
  let account = user === undefined ? own : { user, title: user };
  let asked = await ask(visit, needs, account);
  if (typeof asked === 'string' && account !== own && visit.isInside) {
    account = own;
    asked = await ask(visit, needs, account);
  }
  if (typeof asked === 'string') return [skipped(asked)];
  const findings = asked.flatMap(({ need, missing }) =>
    missing.length === 0 ? [] : [lacking(need, missing, account.title, visit.namespace)],
  );
  return findings.length === 0 ? [ok(`${account.title} may do all the picker needs`)] : findings;
}

/** The verbs each need lacks, or a text that says why nobody knows. */
async function ask(
  visit: Visit,
  needs: readonly Need[],
  { user }: Account,
): Promise<{ readonly need: Need; readonly missing: readonly string[] }[] | string> {
  const asked = await Promise.all(
    needs.map(async (need) => ({
      need,
      answers: await Promise.all(need.verbs.map((verb) => isAllowed(visit, need, verb, user))),
    })),
  );
  const unknown = asked.flatMap(({ answers }) => answers).find((answer) => typeof answer === 'string');
  if (unknown !== undefined) return unknown;
  return asked.map(({ need, answers }) => ({ need, missing: need.verbs.filter((_, at) => answers[at] === false) }));
}

function lacking(need: Need, missing: readonly string[], who: string, namespace: string): Finding {
  const { warning, error } = notesOf('permissions');
  const { group, resource, name, wide, use, isNice } = need;
  const where = wide === true ? 'in the cluster' : `in namespace ${namespace}`;
  const message = `${who} may not ${missing.join(' and ')} ${resource} ${where}, ${use}`;
  const only = name === undefined ? [] : [`  resourceNames: [${name}]`];
  const rule = [
    `- apiGroups: ['${group}']`,
    `  resources: [${resource}]`,
    ...only,
    `  verbs: [${need.verbs.join(', ')}]`,
  ];
  const fix = [`add to the picker's ${wide === true ? 'ClusterRole' : 'Role'}:`, ...rule].join('\n');
  return isNice === true ? warning(message, fix) : error(message, fix);
}

/** Whether it is allowed, or a text that says why nobody knows. */
async function isAllowed(
  { cluster, namespace }: Visit,
  { group, resource, name, wide }: Need,
  verb: string,
  user: string | undefined,
): Promise<boolean | string> {
  const resourceAttributes = { group, resource, verb, name, ...(wide !== true && { namespace }) };
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
  const kind = user === undefined ? 'SelfSubjectAccessReview' : 'SubjectAccessReview';
  const look = await cluster.review(`${REVIEWS}/${kind.toLowerCase()}s`, {
    apiVersion: 'authorization.k8s.io/v1',
    kind,
    spec: { resourceAttributes, ...(user !== undefined && { user, groups }) },
  });
  if (look.kind === 'found') return fields(look.value)['allowed'] === true;
  return look.kind === 'unknown' ? look.why : `the API server has no ${kind}`;
}
