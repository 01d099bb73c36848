import { type Finding, notesOf } from './finding.ts';
import { fields, list, text } from './fields.ts';
import type { Visit } from './installation.ts';

const FLAG = 'ENABLE_GATEWAY_API_INFERENCE_EXTENSION';

/** Whether istiod was told to look at pools at all, as far as its Deployment can be seen. */
export async function checkIstiod({ cluster }: Visit): Promise<Finding[]> {
  const { ok, error, skipped } = notesOf('istiod');
  const look = await cluster.list('/apis/apps/v1/namespaces/istio-system/deployments', 'app=istiod');
  if (look.kind === 'unknown') return [skipped(look.why)];
  if (look.kind === 'absent' || look.value.length === 0) return [skipped('no Deployment istiod in istio-system')];
  return look.value.map((deployment) => {
    const name = deployment.metadata?.name ?? '';
    const pod = fields(fields(fields(deployment['spec'])['template'])['spec']);
    const env = list(pod['containers']).flatMap((container) => list(container['env']));
    return env.some((each) => each['name'] === FLAG && text(each['value']) === 'true')
      ? ok(`${name} has ${FLAG}=true`)
      : error(
          `${name} does not have ${FLAG}=true: an InferencePool is no valid backend, every request is a 500`,
          `kubectl -n istio-system set env deployment/${name} ${FLAG}=true`,
        );
  });
}
