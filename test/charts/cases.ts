import type { Values } from './render.ts';

const POOL = { modelServers: { matchLabels: { app: 'model-server' } } };

/** Values people set, by what they want. Each must render, and to objects that every supported Kubernetes takes. */
export const CASES: Readonly<Record<string, Values>> = {
  defaults: { inferencePool: POOL },
  'three replicas, one leads': { inferencePool: POOL, inferenceExtension: { replicas: 3 } },
  'three replicas, all serve': {
    inferencePool: POOL,
    inferenceExtension: { replicas: 3, flags: { 'ha-enable-leader-election': false } },
  },
  'one replica with leader election': {
    inferencePool: POOL,
    inferenceExtension: { flags: { 'ha-enable-leader-election': true } },
  },
  'a certificate from a Secret, Istio': {
    inferencePool: POOL,
    inferenceExtension: { tls: { secretName: 'picker-tls' } },
    provider: {
      name: 'istio',
      istio: {
        destinationRule: {
          trafficPolicy: {
            connectionPool: { http: { maxRequestsPerConnection: 256_000 } },
            tls: { mode: 'SIMPLE', credentialName: 'picker-ca', sni: 'picker.example' },
          },
        },
      },
    },
  },
  'a self-signed certificate, Istio': { inferencePool: POOL, provider: { name: 'istio' } },
  'cleartext, Istio': {
    inferencePool: POOL,
    inferenceExtension: { flags: { 'secure-serving': false } },
    provider: { name: 'istio' },
  },
  'a network policy': { inferencePool: POOL, inferenceExtension: { networkPolicy: { enabled: true } } },
  'a network policy with everything named': {
    inferencePool: { ...POOL, targetPorts: [{ number: 8000 }, { number: 8001 }] },
    inferenceExtension: {
      tracing: { enabled: true, otelExporterEndpoint: 'http://collector.observability:14317' },
      networkPolicy: {
        enabled: true,
        gateways: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'gateways' } } }],
        scrapers: [{ podSelector: { matchLabels: { app: 'prometheus' } } }],
        apiServerPorts: [6443],
        extraIngress: [{ ports: [{ port: 5557, protocol: 'TCP' }] }],
        extraEgress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/8' } }] }],
      },
    },
  },
  'a ServiceMonitor with a token': {
    inferencePool: POOL,
    inferenceExtension: { monitoring: { prometheus: { enabled: true, extraLabels: { release: 'prometheus' } } } },
  },
  'a PodMonitor without a token': {
    inferencePool: POOL,
    inferenceExtension: {
      monitoring: { interval: '30s', prometheus: { enabled: true, kind: 'PodMonitor', auth: { enabled: false } } },
    },
  },
  'a monitor over TLS': {
    inferencePool: POOL,
    inferenceExtension: {
      flags: { 'metrics-cert-dir': '/metrics-certs' },
      volumes: [{ name: 'metrics-certs', secret: { secretName: 'metrics-tls' } }],
      volumeMounts: [{ name: 'metrics-certs', mountPath: '/metrics-certs', readOnly: true }],
      monitoring: { prometheus: { enabled: true, auth: { secretName: 'my-token' } } },
    },
  },
  'a route and objectives': {
    inferencePool: POOL,
    experimentalHttpRoute: {
      enabled: true,
      inferenceGatewayNamespace: 'gateways',
      baseModel: 'llama',
      headerMatches: { 'x-team': 'a' },
    },
    inferenceObjectives: [
      { name: 'interactive', priority: 10 },
      { name: 'batch', priority: -1 },
    ],
  },
  'pods without a pool': {
    inferencePool: {
      modelServers: { matchLabels: { app: 'model-server', tier: 'gpu' } },
      targetPorts: [{ number: 8000 }, { number: 8001 }],
      create: false,
    },
    inferenceExtension: { replicas: 2 },
  },
  'vLLM over gRPC': { inferencePool: { ...POOL, modelServerProtocol: 'grpc' } },
  sglang: { inferencePool: { ...POOL, modelServerType: 'sglang' } },
  'trtllm-serve, one parser': { inferencePool: { ...POOL, modelServerType: 'trtllm-serve', parser: 'openai-parser' } },
  'triton-tensorrt-llm': { inferencePool: { ...POOL, modelServerType: 'triton-tensorrt-llm' } },
  triton: { inferencePool: { ...POOL, modelServerType: 'triton', targetPortNumber: 8001 } },
  'two address families': {
    inferencePool: POOL,
    inferenceExtension: {
      service: { ipFamilyPolicy: 'RequireDualStack', ipFamilies: ['IPv6', 'IPv4'], annotations: { a: 'b' } },
    },
  },
  'every knob of the pod': {
    inferencePool: POOL,
    inferenceExtension: {
      replicas: 2,
      image: { registry: 'registry.example/team', repository: 'pointsman', tag: 'v1', pullPolicy: 'Always' },
      imagePullSecrets: [{ name: 'pull' }],
      extProcPort: 9102,
      grpcHealthPort: 9103,
      metricsPort: 9190,
      flags: { v: 4, 'fallback-endpoints': 0, 'grpc-max-recv-msg-size': 20_000_000, 'drain-timeout': '1m30s' },
      terminationGracePeriodSeconds: 600,
      env: [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['a'] }] }],
          },
        },
      },
      tolerations: [{ key: 'dedicated', operator: 'Exists' }],
      nodeSelector: { pool: 'system' },
      priorityClassName: 'system-cluster-critical',
      podAnnotations: { 'prometheus.io/scrape': 'true' },
      podLabels: { 'sidecar.istio.io/inject': 'false' },
      serviceAccount: { annotations: { a: 'b' } },
      podSecurityContext: { runAsUser: null, runAsGroup: null, fsGroup: null },
      podDisruptionBudget: { maxUnavailable: '50%' },
      topologySpreadConstraints: [
        { topologyKey: 'kubernetes.io/hostname', maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule' },
      ],
      extraContainerPorts: [{ name: 'zmq', containerPort: 5557, protocol: 'TCP' }],
      extraServicePorts: [{ name: 'zmq', port: 5557, protocol: 'TCP' }],
      resources: { requests: { cpu: '500m', memory: '256Mi' } },
    },
  },
  'shaped like the inference pool chart': {
    inferencePool: {
      targetPorts: [{ number: 8000 }],
      modelServerType: 'vllm',
      modelServerProtocol: 'http',
      parser: '',
      apiVersion: 'inference.networking.k8s.io/v1',
      modelServers: { matchLabels: { app: 'model-server' } },
    },
    inferenceExtension: {
      replicas: 2,
      image: { registry: 'registry.example', repository: 'epp', tag: 'main', pullPolicy: 'Always' },
      extProcPort: 9002,
      failureMode: 'FailClose',
      env: [{ name: 'FEATURE', value: 'true' }],
      flags: { v: 3 },
      pluginsConfigFile: 'custom-plugins.yaml',
      pluginsCustomConfig: {
        'custom-plugins.yaml': [
          'apiVersion: inference.networking.x-k8s.io/v1alpha1',
          'kind: EndpointPickerConfig',
          'plugins: [{ type: queue-scorer }]',
          'schedulingProfiles: [{ name: default, plugins: [{ pluginRef: queue-scorer, weight: 1 }] }]',
        ].join('\n'),
      },
      sidecar: { enabled: false },
      monitoring: {
        interval: '10s',
        prometheus: {
          enabled: true,
          auth: { enabled: true, secretName: 'inference-gateway-sa-metrics-reader-secret' },
        },
      },
      tracing: {
        enabled: true,
        otelExporterEndpoint: 'http://localhost:4317',
        sampling: { sampler: 'parentbased_traceidratio', samplerArg: '0.1' },
      },
      latencyPredictor: { enabled: false },
      metricsDataSource: { scheme: 'https', path: '/metrics', insecureSkipVerify: false },
    },
    provider: { name: 'istio', gke: { autopilot: false } },
    experimentalHttpRoute: { enabled: true, inferenceGatewayName: 'inference-gateway', requestTimeout: '300s' },
    inferenceObjectives: [{ name: 'high-priority', priority: 5 }],
  },
  'shaped like the router chart': {
    router: {
      modelServers: {
        matchLabels: { app: 'model-server' },
        type: 'vllm',
        protocol: 'http',
        targetPorts: [{ number: 8000 }],
      },
      inferencePool: { create: true, failureMode: 'FailClose' },
      inferenceObjectives: [{ name: 'high-priority', priority: 5 }],
      epp: {
        replicas: 2,
        image: { registry: 'registry.example', repository: 'epp', tag: 'main', pullPolicy: 'Always' },
        env: [{ name: 'FEATURE', value: 'true' }],
        flags: { v: 3 },
        pluginsConfigFile: 'custom-plugins.yaml',
        pluginsCustomConfig: {
          'custom-plugins.yaml': [
            'apiVersion: inference.networking.x-k8s.io/v1alpha1',
            'kind: EndpointPickerConfig',
            'plugins: [{ type: queue-scorer }]',
            'schedulingProfiles: [{ name: default, plugins: [{ pluginRef: queue-scorer, weight: 1 }] }]',
          ].join('\n'),
        },
        metricsDataSource: { scheme: 'https', path: '/metrics', insecureSkipVerify: false },
      },
      monitoring: {
        provider: { name: 'prometheusoperator' },
        prometheus: {
          enabled: true,
          auth: { enabled: true, secretName: 'inference-gateway-sa-metrics-reader-secret' },
        },
      },
      tracing: { enabled: true },
      proxy: { enabled: false },
      tokenizer: { enabled: false },
      latencyPredictor: { enabled: false },
    },
    provider: { name: 'istio' },
    httpRoute: { create: true, inferenceGatewayName: 'inference-gateway', requestTimeout: '300s' },
  },
};

/** Values that must be refused, each with what helm has to say. */
export const BAD_CASES: Readonly<Record<string, readonly [values: Values, message: RegExp]>> = {
  'no labels of model servers': [{}, /inferencePool\.modelServers\.matchLabels is empty/],
  'a misspelt value': [
    { inferencePool: POOL, inferenceExtension: { replica: 2 } },
    /\/inferenceExtension': additional properties 'replica' not allowed/,
  ],
  'a misspelt section': [
    { inferencePool: POOL, inferencepool: {} },
    /additional properties 'inferencepool' not allowed/,
  ],
  'no replicas': [
    { inferencePool: POOL, inferenceExtension: { replicas: 0 } },
    /\/inferenceExtension\/replicas': minimum: got 0, want 1/,
  ],
  'replicas as text': [
    { inferencePool: POOL, inferenceExtension: { replicas: 'two' } },
    /\/inferenceExtension\/replicas': got string, want integer/,
  ],
  'a flag that does not exist': [
    { inferencePool: POOL, inferenceExtension: { flags: { 'pool-nam': 'x' } } },
    /\/inferenceExtension\/flags': additional properties 'pool-nam' not allowed/,
  ],
  'a flag that was removed': [
    { inferencePool: POOL, inferenceExtension: { flags: { 'lora-info-metric': 'x' } } },
    /additional properties 'lora-info-metric' not allowed/,
  ],
  'a flag of the wrong type': [
    { inferencePool: POOL, inferenceExtension: { flags: { 'enable-pprof': 'maybe' } } },
    /\/inferenceExtension\/flags\/enable-pprof': value must be one of/,
  ],
  'a port out of range': [
    { inferencePool: { ...POOL, targetPorts: [{ number: 65_536 }] } },
    /\/inferencePool\/targetPorts\/0\/number': maximum: got 65,536, want 65,535/,
  ],
  'nine ports': [
    { inferencePool: { ...POOL, targetPorts: Array.from({ length: 9 }, (_, index) => ({ number: 8000 + index })) } },
    /\/inferencePool\/targetPorts': maxItems: got 9, want 8/,
  ],
  'a failure mode of another API': [
    { inferencePool: POOL, inferenceExtension: { failureMode: 'FailClosed' } },
    /value must be one of 'FailOpen', 'FailClose'/,
  ],
  'a provider that is not supported': [
    { inferencePool: POOL, provider: { name: 'gke' } },
    /\/provider\/name': value must be one of 'none', 'istio'/,
  ],
  "the router chart's proxy": [
    { inferencePool: POOL, router: { proxy: { enabled: true } } },
    /\/router\/proxy\/enabled': value must be false/,
  ],
  "the inference pool chart's sidecar": [
    { inferencePool: POOL, inferenceExtension: { sidecar: { enabled: true } } },
    /\/inferenceExtension\/sidecar\/enabled': value must be false/,
  ],
  'another pool API': [
    { inferencePool: { ...POOL, apiVersion: 'inference.networking.x-k8s.io/v1alpha2' } },
    /\/inferencePool\/apiVersion': value must be 'inference\.networking\.k8s\.io\/v1'/,
  ],
  'a configuration nobody wrote': [
    { inferencePool: POOL, inferenceExtension: { pluginsConfigFile: 'mine.yaml' } },
    /pluginsConfigFile is "mine\.yaml", but there are only: default-plugins\.yaml/,
  ],
  'a certificate and no TLS': [
    { inferencePool: POOL, inferenceExtension: { tls: { secretName: 'x' }, flags: { 'secure-serving': 'false' } } },
    /tls\.secretName is set, but flags secure-serving: false serves cleartext/,
  ],
  'a grace period that ends before the drain window': [
    { inferencePool: POOL, inferenceExtension: { flags: { 'drain-timeout': '2m0.5s' } } },
    /terminationGracePeriodSeconds is 130, but the picker serves 121 s after SIGTERM .* give it 131 or more/,
  ],
  'a drain window that is no duration': [
    { inferencePool: POOL, inferenceExtension: { flags: { 'drain-timeout': '30' } } },
    /\/inferenceExtension\/flags\/drain-timeout': '30' does not match pattern/,
  ],
  'objectives without a pool': [
    { inferencePool: { ...POOL, create: false }, inferenceObjectives: [{ name: 'x', priority: 1 }] },
    /inferenceObjectives need a pool/,
  ],
  'a route without a pool': [
    { inferencePool: { ...POOL, create: false }, experimentalHttpRoute: { enabled: true } },
    /an HTTPRoute needs a pool/,
  ],
};
