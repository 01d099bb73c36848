import { ApiError } from '../kubernetes/api-error.ts';
import type { ApiRequest, KubernetesApi } from '../kubernetes/api.ts';
import { ClusterReader } from './cluster-reader.ts';
import { checkCrds } from './crds.ts';
import { checkDestinationRule } from './destination-rule.ts';
import { isNear, judgePorts, tryEndpoints } from './endpoints.ts';
import { checkEngineMetrics } from './engine-metrics.ts';
import { type Finding, notesOf } from './finding.ts';
import type { DoctorOptions, Visit } from './installation.ts';
import { checkIstiod } from './istiod.ts';
import { checkPermissions } from './permissions.ts';
import { checkPicker } from './picker.ts';
import { checkPickerService } from './picker-service.ts';
import { checkPickerView } from './picker-view.ts';
import { checkPool } from './pool.ts';
import { checkProbe } from './probe.ts';
import { checkRoutes } from './routes.ts';

/**
 * Looks at an installation, from its definitions to a request through its gateway; every check is made that can be, the
 * findings are in that order. Rejects with `ApiError` when the API server does not answer or does not know who we are, and with
 * the reason of `signal` when that is aborted.
 */
export async function examine(
  api: KubernetesApi,
  options: DoctorOptions,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const limits = { timeoutMs: options.timeoutMs, signal };
  const visit: Visit = { ...options, signal, cluster: new ClusterReader(api, limits) };
  await greet(api, limits);
  const { findings: crds, objectGroup } = await checkCrds(visit);
  const { findings: pool, object, state } = await checkPool(visit);
  const { findings: services, service, pods = [] } = await checkPickerService(visit, object);
  const tried = state === undefined ? [] : await tryEndpoints(visit, state);
  const near = await isNear(visit, tried, pods);
  const open = tried.filter(({ result }) => result.kind === 'open').map(({ endpoint }) => endpoint);
  const picker = service && (await checkPicker(visit, pods, near));
  return [
    ...crds,
    ...pool,
    ...services,
    ...(await guarded(visit, 'permissions', checkPermissions(visit, objectGroup, pods.at(0)))),
    ...(state === undefined ? [] : judgePorts(tried, near)),
    ...(state === undefined ? [] : await guarded(visit, 'metrics', checkEngineMetrics(visit, open))),
    ...(picker?.findings ?? []),
    ...(state === undefined ? [] : await guarded(visit, 'picker view', checkPickerView(visit, state, pods))),
    ...(service === undefined
      ? []
      : await guarded(visit, 'destination rule', checkDestinationRule(visit, service, picker?.security))),
    ...(await guarded(visit, 'istiod', checkIstiod(visit))),
    ...(await guarded(visit, 'routes', checkRoutes(visit))),
    ...(await guarded(visit, 'gateway probe', checkProbe(visit, pods, state?.pods ?? []))),
  ];
}

/** What a check found; one that an odd answer broke has found nothing and says so. */
async function guarded({ signal }: Visit, check: string, looking: Promise<Finding[]>): Promise<readonly Finding[]> {
  try {
    const findings = await looking;
    signal.throwIfAborted();
    return findings;
  } catch (error) {
    signal.throwIfAborted();
    return [notesOf(check).skipped(`the check failed: ${String(error)}`)];
  }
}

async function greet(api: KubernetesApi, limits: Pick<ApiRequest, 'timeoutMs' | 'signal'>): Promise<void> {
  try {
    await api.request({ path: '/version', ...limits });
  } catch (error) {
    // Who may not read the version may still read everything else.
    if (!(error instanceof ApiError) || error.fault !== 'forbidden') throw error;
  }
}
