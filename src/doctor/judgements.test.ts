import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../kubernetes/api.ts';
import { parseMetricSpec } from '../scrape/metric-spec.ts';
import { judge } from './destination-rule.ts';
import { verdict } from './engine-metrics.ts';
import type { Finding } from './finding.ts';
import { countPicks, difference } from './pick-counts.ts';
import { judgeView } from './picker-view.ts';
import { jsonReport, textReport } from './report.ts';
import { judgeRoute } from './routes.ts';

const severities = (findings: readonly Finding[]): string[] => findings.map(({ severity }) => severity);

describe('a DestinationRule', () => {
  const service = { name: 'epp', port: 9002, selector: {}, targetPort: 9002 };
  const rule = (trafficPolicy: object): KubeObject => ({ metadata: { name: 'r' }, spec: { trafficPolicy } });
  const simple = { mode: 'SIMPLE', insecureSkipVerify: true };
  const over = (trafficPolicy: object | undefined, tls = true): string[] =>
    severities(
      judge(trafficPolicy && rule(trafficPolicy), service, { namespace: 'llm', security: { tls, selfSigned: true } }),
    );

  it.each([
    ['none', undefined, ['error'], ['ok']],
    ['no tls', {}, ['error'], ['ok']],
    ['DISABLE', { tls: { mode: 'DISABLE' } }, ['error'], ['ok']],
    ['SIMPLE', { tls: simple }, ['ok'], ['error']],
    ['SIMPLE that verifies', { tls: { mode: 'SIMPLE' } }, ['warning'], ['error']],
    ['SIMPLE with an authority', { tls: { mode: 'SIMPLE', caCertificates: '/ca' } }, ['ok'], ['error']],
    ['ISTIO_MUTUAL', { tls: { mode: 'ISTIO_MUTUAL' } }, ['error'], ['error']],
    ['SIMPLE for the port', { portLevelSettings: [{ port: { number: 9002 }, tls: simple }] }, ['ok'], ['error']],
    ['SIMPLE for another port', { portLevelSettings: [{ port: { number: 1 }, tls: simple }] }, ['error'], ['ok']],
    [
      '999 requests',
      { tls: simple, connectionPool: { http: { http2MaxRequests: 999 } } },
      ['ok', 'warning'],
      ['error'],
    ],
    ['1000 requests', { tls: simple, connectionPool: { http: { http2MaxRequests: 1000 } } }, ['ok', 'ok'], ['error']],
  ])('with %s', (_, policy, tls, cleartext) => {
    expect(over(policy, true)).toEqual(tls);
    expect(over(policy, false)).toEqual(cleartext);
  });
});

describe('a route', () => {
  const backend = (name: string, more: object = {}): object => ({
    group: 'inference.networking.k8s.io',
    kind: 'InferencePool',
    name,
    ...more,
  });
  const judged = (...rules: readonly object[]): string[] =>
    judgeRoute({
      metadata: { name: 'r', namespace: 'llm' },
      spec: { parentRefs: [{ name: 'g' }, { kind: 'Service', name: 's' }], rules },
    }).map(({ severity, message }) => `${severity} ${message.split(':')[0]}`);

  it('is good with a pool to a rule, the same one twice included', () => {
    const twice = { backendRefs: [backend('a'), backend('a', { namespace: 'llm' })] };
    expect(judged(twice, { backendRefs: [backend('b')] })).toEqual(['ok HTTPRoute llm/r on llm/g']);
  });

  it('may have CORS and faults where there is no pool', () => {
    const filters = [{ type: 'CORS' }, { type: 'ExtensionRef', extensionRef: { kind: 'FaultFilter', name: 'x' } }];
    const service = { backendRefs: [{ name: 's', port: 80 }], filters };
    expect(judged(service, { backendRefs: [backend('a')] })).toEqual(['ok HTTPRoute llm/r on llm/g']);
    expect(judged({ backendRefs: [backend('a')], filters })).toEqual([
      'error rule 1 of HTTPRoute llm/r has a CORS filter',
      'error rule 1 of HTTPRoute llm/r has a fault filter (x)',
    ]);
    expect(judged(service, { backendRefs: [backend('a', { filters: [{ type: 'CORS' }] })] })).toEqual([
      'error rule 2 of HTTPRoute llm/r has a CORS filter',
    ]);
  });

  it('has no rule with two pools, of two namespaces either', () => {
    const two = { backendRefs: [backend('a'), backend('a', { namespace: 'other' })] };
    expect(judged(two)).toEqual(['error rule 1 of HTTPRoute llm/r has 2 pools (llm/a, other/a)']);
  });
});

describe('a metrics page', () => {
  const engine = {
    name: 'mine',
    signals: {
      waiting: { sources: [{ metric: parseMetricSpec('queue') }], per: [], across: 'sum' },
      kvUsage: {
        sources: [{ metric: parseMetricSpec('cache') }, { metric: parseMetricSpec('old_cache') }],
        per: [],
        across: 'mean',
      },
    },
  } as const;

  it.each([
    ['queue 1\nold_cache 0.5\n', 'ok', ''],
    ['queue 1\n', 'warning', 'the page is read as mine and lacks cache or old_cache'],
    ['', 'error', 'the page is read as mine and lacks queue, cache or old_cache'],
  ])('%j', (page, severity, message) => {
    expect(verdict(engine, Buffer.from(page))).toMatchObject({ severity, message });
  });
});

describe("the picker's endpoints", () => {
  const shown = { address: '10.0.0.1:8000', metricsAgeMs: 10_000, ejectedForMs: null };
  it.each([
    [[shown], 'ok'],
    [[], 'error'],
    [[{ ...shown, metricsAgeMs: 10_001 }], 'error'],
    [[{ ...shown, metricsAgeMs: null }], 'error'],
    [[{ ...shown, ejectedForMs: 1 }], 'warning'],
  ])('%j', (states, severity) => {
    expect(judgeView('http://epp', states, ['10.0.0.1:8000']).severity).toBe(severity);
  });
});

describe('counts of picks', () => {
  const page = (decided: number, refused: number): string => `
llm_d_epp_request_total{model_name="probe",target_model_name="probe",fairness_id="",priority="0"} ${decided}
llm_d_epp_request_total{model_name="real",target_model_name="probe",fairness_id="",priority="0"} ${decided * 900}
llm_d_epp_request_error_total{model_name="probe",error_code="ServiceUnavailable"} ${refused}
llm_d_epp_scheduler_attempts_total{status="success",target_model_name="probe",endpoint_name="a-rank-0",port="1"} ${decided}
llm_d_epp_scheduler_attempts_total{status="success",target_model_name="probe",endpoint_name="b-rank-1",port="1"} 4
llm_d_epp_scheduler_attempts_total{status="failure",target_model_name="probe",endpoint_name="",port=""} ${refused}
`;
  it('are those of the probe only', () => {
    const [before, after] = [page(5, 1), page(7, 2)].map((text) => countPicks(text, 'probe'));
    expect(difference(before, after)).toEqual({ asked: 3, byPod: new Map([['a', 2]]) });
  });
});

describe('the report', () => {
  const findings: readonly Finding[] = [
    { check: 'pods', severity: 'ok', message: '2 match' },
    { check: 'rule', severity: 'error', message: 'none', fix: 'apply:\nkind: X' },
  ];

  it('has a line a finding and its fix below', () => {
    expect(textReport(findings)).toEqual([
      'ok       pods: 2 match',
      'error    rule: none',
      '         fix: apply:',
      '              kind: X',
      '1 ok, 0 warnings, 1 errors, 0 skipped',
    ]);
  });

  it('is the same as JSON', () => {
    expect(JSON.parse(jsonReport(findings))).toEqual({ ok: 1, warning: 0, error: 1, skipped: 0, findings });
  });
});
