import { describe, expect, it } from 'vitest';
import { type FlagsResult, parseServeFlags, resolvePool, type ServeOptions } from './flag-options.ts';
import { FLAGS } from './flags.ts';

function accepted(
  args: readonly string[],
  env: Record<string, string> = {},
): { options: ServeOptions; warnings: readonly string[] } {
  const result = parseServeFlags(args, env);
  if (result.kind !== 'ok') throw new Error(JSON.stringify(result));
  return result;
}

function refused(args: readonly string[]): Extract<FlagsResult, { kind: 'error' }> {
  const result = parseServeFlags(args, {});
  if (result.kind !== 'error') throw new Error(JSON.stringify(result));
  return result;
}

const HINT = '\nRun "pointsman serve --help" for the flags.';

const NO_TLS_POLICY = { minVersion: undefined, ciphers: undefined, keyType: 'ec', missing: [] } as const;

describe('flags left out', () => {
  it('have the defaults of the reference', () => {
    expect(accepted([])).toEqual({
      kind: 'ok',
      warnings: [],
      options: {
        podName: '',
        haEnableLeaderElection: false,
        poolName: '',
        poolNamespace: 'default',
        poolGroup: 'inference.networking.k8s.io',
        endpointSelector: '',
        endpointTargetPorts: [],
        configFile: undefined,
        configText: undefined,
        allowExperimentalPlugins: false,
        grpcPort: 9002,
        grpcHealthPort: 9003,
        metricsPort: 9090,
        secureServing: true,
        certPath: undefined,
        enableCertReload: false,
        tls: NO_TLS_POLICY,
        metricsCertDir: undefined,
        metricsClientCaFile: undefined,
        metricsEndpointAuth: true,
        enableGrpcStreamMetrics: false,
        legacyMetrics: true,
        tracing: true,
        configReload: true,
        objectsFile: undefined,
        healthChecking: false,
        grpcMaxRecvMessageBytes: undefined,
        grpcMaxSendMessageBytes: undefined,
        maxStreams: undefined,
        maxHeldBodyBytes: undefined,
        streamIdleTimeoutMs: 3_600_000,
        drainTimeoutMs: 30_000,
        streamDrainTimeoutMs: 90_000,
        fallbackEndpoints: 2,
        answerDeadlineMs: 1000,
        warmUpMs: 500,
        disableEndpointSubsetFilter: false,
        emitEndpointScores: false,
        refreshMetricsIntervalMs: 50,
        refreshPrometheusMetricsIntervalMs: 5000,
        metricsStalenessThresholdMs: 2000,
        logLevel: 'info',
      },
    });
  });

  it('take the namespace from the environment', () => {
    expect(accepted([], { NAMESPACE: 'llm' }).options.poolNamespace).toBe('llm');
    expect(accepted(['--pool-namespace=a'], { NAMESPACE: 'llm' }).options.poolNamespace).toBe('a');
  });
});

describe('the command lines of charts', () => {
  it.each([
    '--pool-name X --pool-namespace Y --pool-group inference.networking.k8s.io --zap-encoder json --config-file /config/default-plugins.yaml --grpc-health-port 9003 --tracing=false --v=4 --enable-pprof=true --metrics-endpoint-auth=false --secure-serving=false',
    '--pool-name X --allow-experimental-plugins=true --ha-enable-leader-election=false --grpc-port 9002',
  ])('pass without a warning: %s', (line) => {
    expect(accepted(line.split(' ')).warnings).toEqual([]);
  });
});

describe('values', () => {
  it.each<[args: string[], want: Partial<ServeOptions>]>([
    [['--grpc-port=1'], { grpcPort: 1 }],
    [['--grpc-port', '0x10'], { grpcPort: 16 }],
    [['--grpc-port', '010'], { grpcPort: 8 }],
    [['--grpc-port=0'], { grpcPort: 0 }],
    [['--metrics-port=65535'], { metricsPort: 65_535 }],
    [['--grpc-port=1', '--grpc-port=2'], { grpcPort: 2 }],
    [['--config-text=a=b'], { configText: 'a=b' }],
    [['--config-text', '--grpc-port'], { configText: '--grpc-port', grpcPort: 9002 }],
    [['--config-text=a\nb'], { configText: 'a\nb' }],
    [['--pool-name='], { poolName: '' }],
    [['--health-checking'], { healthChecking: true }],
    [['--emit-endpoint-scores=t'], { emitEndpointScores: true }],
    [['--secure-serving=F'], { secureServing: false }],
    [['--endpoint-target-ports=1,2', '--endpoint-target-ports', '2, 3'], { endpointTargetPorts: [1, 2, 3] }],
    [['--drain-timeout=1m30s'], { drainTimeoutMs: 90_000 }],
    [['--drain-timeout=0'], { drainTimeoutMs: 0 }],
    [['--grpc-max-recv-msg-size=10MiB'], { grpcMaxRecvMessageBytes: 10 * 1024 ** 2 }],
    [['--grpc-max-send-msg-size=25MB'], { grpcMaxSendMessageBytes: 25_000_000 }],
    [['--grpc-max-recv-msg-size=0'], { grpcMaxRecvMessageBytes: undefined }],
    [['--tls-min-version=VersionTLS13'], { tls: { ...NO_TLS_POLICY, minVersion: 'TLSv1.3' } }],
    [['--metrics-cert-dir=d', '--metrics-client-ca-file=c'], { metricsCertDir: 'd', metricsClientCaFile: 'c' }],
    [['--metrics-cert-dir=d'], { metricsCertDir: 'd', metricsClientCaFile: undefined }],
    [
      ['--enable-grpc-stream-metrics', '--legacy-metrics=false'],
      { enableGrpcStreamMetrics: true, legacyMetrics: false },
    ],
    [
      ['--ha-enable-leader-election', '--metrics-endpoint-auth=false'],
      { haEnableLeaderElection: true, metricsEndpointAuth: false },
    ],
    [['--max-streams=1'], { maxStreams: 1 }],
    [['--max-held-body-bytes=2GiB'], { maxHeldBodyBytes: 2 * 1024 ** 3 }],
    [['--stream-idle-timeout=0s'], { streamIdleTimeoutMs: 0 }],
    [['--stream-idle-timeout=1s'], { streamIdleTimeoutMs: 1000 }],
    [['--stream-idle-timeout=168h'], { streamIdleTimeoutMs: 604_800_000 }],
    [['--fallback-endpoints=0'], { fallbackEndpoints: 0 }],
    [['--fallback-endpoints=63'], { fallbackEndpoints: 63 }],
    [['--refresh-metrics-interval=51ms'], { refreshMetricsIntervalMs: 51 }],
    [['-v4'], { logLevel: 'debug' }],
    [['-v', '4'], { logLevel: 'debug' }],
    [['-v=4'], { logLevel: 'debug' }],
    [['--v=5'], { logLevel: 'trace' }],
    [['-v', '3'], { logLevel: 'info' }],
    [['-v', '-1'], { logLevel: 'error' }],
    [['-v4', '--zap-log-level=error'], { logLevel: 'error' }],
    [['--zap-log-level=4'], { logLevel: 'debug' }],
    [['--zap-log-level=PANIC'], { logLevel: 'fatal' }],
  ])('%j', (args, want) => {
    expect(accepted(args).options).toMatchObject(want);
  });

  it('stop being flags after --', () => {
    const { options, warnings } = accepted(['--', '--grpc-port=1']);
    expect(options.grpcPort).toBe(9002);
    expect(warnings).toHaveLength(1);
  });

  it('of switches never come from the next argument', () => {
    const { options, warnings } = accepted(['--secure-serving', 'false', '--grpc-port=1']);
    expect(options).toMatchObject({ secureServing: true, grpcPort: 1 });
    expect(warnings).toEqual([
      'ignored "false": not a flag; a switch takes its value after "=", as in --tracing=false',
    ]);
  });

  it('of the scrape interval are raised to 50ms', () => {
    const { options, warnings } = accepted(['--refresh-metrics-interval=49ms']);
    expect(options.refreshMetricsIntervalMs).toBe(50);
    expect(warnings).toEqual(['--refresh-metrics-interval 49ms is below the least, 50ms, which is used']);
  });
});

describe('a command line that cannot be read (exit code 2)', () => {
  it.each([
    [['--grpc-prot=1'], 'unknown flag: --grpc-prot (did you mean "grpc-port"?)'],
    [['--kubeconfig=x'], 'unknown flag: --kubeconfig'],
    [['-grpc-port=1'], `unknown shorthand flag: 'g' in -grpc-port=1 (did you mean "--grpc-port"?)`],
    [['-x'], "unknown shorthand flag: 'x' in -x"],
    [['--=1'], 'bad flag syntax: --=1'],
    [['---v'], 'bad flag syntax: ---v'],
    [['--grpc-port'], 'flag needs an argument: --grpc-port'],
    [['-v'], 'flag needs an argument: -v'],
    [['--grpc-port=x'], 'invalid argument "x" for "--grpc-port" flag: write a whole number'],
    [['--grpc-port='], 'invalid argument "" for "--grpc-port" flag: write a whole number'],
    [['--grpc-port=1e3'], 'invalid argument "1e3" for "--grpc-port" flag: write a whole number'],
    [
      ['--grpc-port=99999999999999999'],
      'invalid argument "99999999999999999" for "--grpc-port" flag: the number is too large',
    ],
    [['--grpc-port=x', '--grpc-port=1'], 'invalid argument "x" for "--grpc-port" flag: write a whole number'],
    [['--tracing=no'], 'invalid argument "no" for "--tracing" flag: write true or false'],
    [
      ['--endpoint-target-ports=1,,2'],
      'invalid argument "1,,2" for "--endpoint-target-ports" flag: write a whole number',
    ],
    [
      ['--drain-timeout=30'],
      'invalid argument "30" for "--drain-timeout" flag: missing unit in duration "30": write for example "30s"',
    ],
    [['-vx'], 'invalid argument "x" for "-v" flag: write a whole number'],
    [
      ['--zap-log-level=loud'],
      'invalid argument "loud" for "--zap-log-level" flag: write debug, info, error, panic or a number above 0',
    ],
    [['--zap-encoder=xml'], 'invalid argument "xml" for "--zap-encoder" flag: write json, console'],
  ])('%j', (args, message) => {
    expect(refused(args)).toEqual({ kind: 'error', exitCode: 2, message: `${message}${HINT}` });
  });
});

describe('a value that is wrong (exit code 1)', () => {
  it.each([
    [['--grpc-port=65536'], 'invalid value "65536" for --grpc-port: write a number from 0 to 65535'],
    [['--metrics-port=-1'], 'invalid value "-1" for --metrics-port: write a number from 0 to 65535'],
    [
      ['--endpoint-selector=a b', '--endpoint-target-ports=1'],
      'invalid value "a b" for --endpoint-selector: "a b" is no requirement; write a=b, a!=b, a in (b,c), a notin (b,c), a or !a, with commas between',
    ],
    [['--max-streams=-1'], 'invalid value "-1" for --max-streams: write a number from 0 to 10000000'],
    [
      ['--max-held-body-bytes=-1'],
      'invalid value "-1" for --max-held-body-bytes: quantity "-1" is negative: write 0 or more',
    ],
    [
      ['--stream-idle-timeout=999ms'],
      'invalid value "999ms" for --stream-idle-timeout: write a duration from 1s to 168h, or 0s for none',
    ],
    [
      ['--stream-idle-timeout=168h1s'],
      'invalid value "168h1s" for --stream-idle-timeout: write a duration from 1s to 168h, or 0s for none',
    ],
    [['--fallback-endpoints=64'], 'invalid value "64" for --fallback-endpoints: write a number from 0 to 63'],
    [['--drain-timeout=-1s'], 'invalid value "-1s" for --drain-timeout: write a duration of 0s or more'],
    [
      ['--refresh-prometheus-metrics-interval=0'],
      'invalid value "0" for --refresh-prometheus-metrics-interval: write a duration above 0s',
    ],
    [
      ['--grpc-max-recv-msg-size=-1'],
      'invalid value "-1" for --grpc-max-recv-msg-size: quantity "-1" is negative: write 0 or more',
    ],
    [
      ['--grpc-max-send-msg-size=lots'],
      'invalid value "lots" for --grpc-max-send-msg-size: invalid quantity "lots": write a number and k, M, G, T or Ki, Mi, Gi, Ti, for example "4Mi"',
    ],
    [
      ['--config-file=a', '--config-text=b'],
      'both the "config-file" and "config-text" flags cannot be set at the same time',
    ],
    [['--endpoint-selector=a=b'], 'flag "endpoint-target-ports" should have length from 1 to 8, found 0'],
    [
      ['--endpoint-selector=a=b', '--endpoint-target-ports=1,2,3,4,5,6,7,8,9'],
      'flag "endpoint-target-ports" should have length from 1 to 8, found 9',
    ],
    [
      ['--endpoint-selector=a=b', '--endpoint-target-ports=65536'],
      'invalid port number 65536 in "endpoint-target-ports": write 0 to 65535',
    ],
    [
      ['--tls-min-version=1.2'],
      'invalid value "1.2" for --tls-min-version: write VersionTLS10, VersionTLS11, VersionTLS12, VersionTLS13',
    ],
    [
      ['--tls-cipher-suites=TLS_AES_128_GCM_SHA256', '--tls-cipher-suites=TLS_AES_128_GCM_SHA265'],
      'invalid value "TLS_AES_128_GCM_SHA256,TLS_AES_128_GCM_SHA265" for --tls-cipher-suites: unknown TLS cipher suite "TLS_AES_128_GCM_SHA265" (did you mean "TLS_AES_128_GCM_SHA256"?): write Go\'s names of suites',
    ],
    [
      ['--metrics-cert-dir=d', '--metrics-endpoint-auth=false'],
      '"metrics-cert-dir" requires "metrics-client-ca-file" or "metrics-endpoint-auth": found only "d"',
    ],
    [['--metrics-client-ca-file=x'], '"metrics-client-ca-file" requires "metrics-cert-dir": found only "x"'],
    ...FLAGS.filter(({ support }) => support === 'removed').map(({ name }): [string[], string] => [
      [`--${name}=`],
      `flag "${name}" is deprecated and cannot be used; configure metrics via engineConfigs in EndpointPickerConfig instead`,
    ]),
  ])('%j', (args, message) => {
    expect(refused(args)).toEqual({ kind: 'error', exitCode: 1, message });
  });

  it('takes the suites of a repeated flag together', () => {
    const names = ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', 'TLS_RSA_WITH_AES_128_CBC_SHA'];
    const { tls } = accepted(names.map((name) => `--tls-cipher-suites=${name}`)).options;
    expect(tls).toMatchObject({
      keyType: 'rsa',
      ciphers: expect.stringMatching(/:ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA$/),
    });
  });

  it('takes eight target ports', () => {
    const args = ['--endpoint-selector=a=b', '--endpoint-target-ports=0,2,3,4,5,6,7,8,8'];
    expect(accepted(args).options.endpointTargetPorts).toHaveLength(8);
  });
});

describe('--help', () => {
  it.each([['--help'], ['-h']])('%s lists every flag that works', (flag) => {
    const result = parseServeFlags(['--grpc-port=1', flag, '--nonsense'], {});
    const text = result.kind === 'help' ? result.text : '';
    for (const { name, support } of FLAGS) {
      expect(text.includes(`-${name} `), name).toBe(support !== 'removed');
    }
    expect(text.split('\n').filter((line) => line.length > 160)).toEqual([]);
  });
});

describe('resolvePool', () => {
  const { options } = accepted([]);
  it('needs a name or a selector outside file discovery', () => {
    expect(resolvePool(options, false)).toEqual({
      kind: 'error',
      message: 'either pool-name or endpoint-selector must be set: found neither, give one of the flags',
    });
    expect(resolvePool({ ...options, poolName: 'a', endpointSelector: 'b' }, false)).toEqual({
      kind: 'error',
      message: 'either pool-name or endpoint-selector must be set: found both, give one of the flags',
    });
    expect(resolvePool({ ...options, poolName: 'a' }, false)).toEqual({ kind: 'pool', poolName: 'a' });
  });

  it('names the pool of a selector after the Deployment of the pod', () => {
    const pods = { ...options, endpointSelector: 'b', endpointTargetPorts: [1] };
    expect(resolvePool({ ...pods, podName: 'my-epp-7c9d8f6b5-x2k4z' }, false)).toEqual({
      kind: 'selector',
      poolName: 'my-epp',
      selector: 'b',
      targetPorts: [1],
    });
    expect(resolvePool(pods, false)).toEqual({
      kind: 'error',
      message:
        '--endpoint-selector needs the environment variable POD_NAME: set it from metadata.name, the pool is named after its Deployment',
    });
    for (const podName of ['epp', 'epp-0', 'epp-7c9d8f6b5-X']) {
      expect(resolvePool({ ...pods, podName }, false)).toEqual({
        kind: 'error',
        message: `POD_NAME is "${podName}", expected the name of a Deployment's pod: <deployment>-<replicaset>-<pod>`,
      });
    }
  });

  it('takes pools of the one group there is', () => {
    const other = { ...options, poolName: 'a', poolGroup: 'inference.networking.x-k8s.io' };
    expect(resolvePool(other, false)).toEqual({
      kind: 'error',
      message:
        'invalid value "inference.networking.x-k8s.io" for --pool-group: only inference.networking.k8s.io is supported',
    });
    expect(resolvePool(other, true)).toEqual({ kind: 'file', poolName: 'a' });
  });

  it('needs neither with it', () => {
    expect(resolvePool(options, true)).toEqual({ kind: 'file', poolName: 'epp' });
    expect(resolvePool({ ...options, poolName: 'mine' }, true)).toEqual({ kind: 'file', poolName: 'mine' });
  });
});
