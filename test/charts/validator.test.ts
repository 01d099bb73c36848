import { beforeAll, expect, it } from 'vitest';
import { CASES } from './cases.ts';
import { configSuite } from './kit.ts';
import { planted } from './planted.ts';
import { helmTemplate, type KubeObject, kustomize, theOne } from './render.ts';
import { KUBERNETES } from './tools.ts';
import { type Validator, validatorFor } from './validator.ts';

configSuite('the schemas catch what an API server refuses', (tools) => {
  let objects: readonly KubeObject[];
  let validators: Map<string, Validator>;
  beforeAll(async () => {
    objects = [
      ...(await helmTemplate(tools, CASES['shaped like the inference pool chart'])),
      ...(await kustomize(tools, 'config/istio/vllm')).filter(({ kind }) => kind === 'Gateway'),
    ];
    validators = new Map(KUBERNETES.map((release) => [release, validatorFor(tools, release)]));
  });

  it.each([
    ['Deployment', 'spec.template.spec.containers.0.livenesProbe', {}, ' unknown field "livenesProbe"'],
    ['Deployment', 'spec.replicas', 'two', ' must be integer,null'],
    ['Deployment', 'spec.selector', undefined, " must have required property 'selector'"],
    ['Service', 'spec.ports.0.appprotocol', 'http', ' unknown field "appprotocol"'],
    ['Role', 'rules.0.verbs', 'get', ' must be array'],
    ['ConfigMap', 'metadata.annotation', {}, '/metadata unknown field "annotation"'],
    ['InferencePool', 'spec.endpointPickerRef.failuremode', 'FailOpen', ' unknown field "failuremode"'],
    [
      'InferencePool',
      'spec.endpointPickerRef.failureMode',
      'FailClosed',
      ' must be equal to one of the allowed values',
    ],
    ['InferencePool', 'spec.targetPorts.0.number', '8000', ' must be integer'],
    ['InferenceObjective', 'spec.prio', 1, ' unknown field "prio"'],
    ['HTTPRoute', 'spec.rules.0.timeouts.requests', '1s', ' unknown field "requests"'],
    ['HTTPRoute', 'spec.rules.0.timeouts.request', 300, ' must be string'],
    ['Gateway', 'spec.listeners.0.port', 'http', ' must be integer'],
    ['DestinationRule', 'spec.trafficPolicy.tls.insecureSkipVerify', 'yes', ' must be boolean'],
    ['DestinationRule', 'spec.trafficPolicy.tls.skipVerify', true, ' unknown field "skipVerify"'],
    ['ServiceMonitor', 'spec.endpoints.0.intervall', '1s', ' unknown field "intervall"'],
  ])('%s with %s = %j', (kind, path, value, problem) => {
    const object = theOne(objects, kind);
    for (const [release, validate] of validators) {
      expect([release, validate(object)]).toEqual([release, []]);
      expect([release, validate(planted(object, path, value)).join('\n')]).toEqual([
        release,
        expect.stringContaining(problem),
      ]);
    }
  });

  it('a kind or version nobody serves', () => {
    const object = theOne(objects, 'Deployment');
    for (const validate of validators.values()) {
      expect(validate({ ...object, apiVersion: 'apps/v1beta1' })).toEqual([
        expect.stringMatching(/^no apps\/v1beta1 /),
      ]);
      expect(validate({ ...object, kind: 'Deploiment' })).toEqual([expect.stringMatching(/^no apps\/v1 Deploiment /)]);
    }
  });

  it('each release is its own', () => {
    // Fields that came with 1.30 and 1.34.
    const policy: KubeObject = {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name: 'x' },
      spec: {},
    };
    const takes = (object: KubeObject): string[] =>
      [...validators].flatMap(([release, validate]) => (validate(object).length === 0 ? [release] : []));
    expect(takes(policy)).toEqual(['1.30', '1.31', '1.32', '1.33', '1.34']);
    const deployment = planted(theOne(objects, 'Deployment'), 'spec.template.spec.hostnameOverride', 'x');
    expect(takes(deployment)).toEqual(['1.34']);
  });
});
