import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { ConfigError } from '../core/errors.ts';
import { examine } from '../doctor/doctor.ts';
import type { Finding } from '../doctor/finding.ts';
import type { DoctorOptions } from '../doctor/installation.ts';
import { jsonReport, textReport } from '../doctor/report.ts';
import { ApiError } from '../kubernetes/api-error.ts';
import { KubernetesClient } from '../kubernetes/client.ts';
import { loadKubeConfig } from '../kubernetes/kube-config.ts';
import { parseDurationMs } from '../lib/duration.ts';
import type { Command } from './command.ts';

const FLAGS = {
  'pool-name': { type: 'string' },
  'pool-namespace': { type: 'string' },
  'gateway-url': { type: 'string' },
  'gateway-host': { type: 'string' },
  model: { type: 'string' },
  'picker-metrics-url': { type: 'string' },
  'metrics-token-file': { type: 'string' },
  timeout: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** Of probe requests: a series of its own in the picker's metrics, which no other traffic moves. */
const PROBE_MODEL = 'pointsman-doctor';

const HELP = `Usage: pointsman doctor --pool-name NAME [flags]

Examines a live installation: definitions, the pool and its status, the picker's Service, its rights, pods, ports and
metrics of model servers, the picker and its certificate, Istio's rule for TLS to it, istiod, routes and gateways. Each
line is ok, warning, error or skipped, with the fix. Changes nothing in the cluster. Runs in a pod, or outside with the
kubeconfig of $KUBECONFIG or ~/.kube/config; from outside, pods that cannot be reached are warnings.

  --pool-name NAME           the InferencePool
  --pool-namespace NAME      its namespace (default $NAMESPACE, then "default")
  --gateway-url URL          send three small completions through the gateway and see whether the picker was asked
  --gateway-host NAME        Host header of those, for routes that have hostnames
  --model NAME               model of those (default ${PROBE_MODEL}, which servers answer with 404; that will do)
  --picker-metrics-url URL   the picker's /metrics, where its pods cannot be reached
  --metrics-token-file FILE  bearer token for it
  --timeout DURATION         for each single look (default 5s)
  --json                     the report as JSON
  -h, --help                 show this text

Exit codes: 0 no errors, 1 errors, 2 the command line is wrong or there is no cluster to look at,
130 stopped by a signal.`;

/** Checks a live installation. */
export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'Examine a live installation in Kubernetes: what is wrong, and the fix.',
  help: HELP,
  async run(args, io) {
    let options: (DoctorOptions & { readonly json: boolean }) | 'help';
    try {
      options = await readOptions(args, process.env);
    } catch (error) {
      io.stderr(`${(error as Error).message} (see pointsman doctor --help)`);
      return 2;
    }
    if (options === 'help') {
      io.stdout(HELP);
      return 0;
    }
    try {
      const findings = await look(options, io.signal);
      for (const line of options.json ? [jsonReport(findings)] : textReport(findings)) io.stdout(line);
      return findings.some(({ severity }) => severity === 'error') ? 1 : 0;
    } catch (error) {
      if (io.signal.aborted) return 130;
      if (!(error instanceof ConfigError || error instanceof ApiError)) throw error;
      io.stderr(error.message);
      return 2;
    }
  },
};

async function look(options: DoctorOptions, signal: AbortSignal): Promise<readonly Finding[]> {
  const client = new KubernetesClient(await loadKubeConfig(process.env));
  try {
    return await examine(client, options, signal);
  } finally {
    await client.close();
  }
}

/** Rejects with `Error`, one line about the command line. */
async function readOptions(
  args: string[],
  env: NodeJS.ProcessEnv,
): Promise<(DoctorOptions & { readonly json: boolean }) | 'help'> {
  const { values } = parseArgs({ args, options: FLAGS, strict: true, allowPositionals: false });
  if (values.help === true) return 'help';
  const poolName = values['pool-name'] ?? '';
  if (poolName === '') throw new Error('--pool-name is missing');
  const tokenFile = values['metrics-token-file'];
  return {
    poolName,
    namespace: (values['pool-namespace'] ?? env['NAMESPACE']) || 'default',
    gatewayUrl: url('gateway-url', values['gateway-url']),
    gatewayHost: values['gateway-host'],
    model: values.model ?? PROBE_MODEL,
    pickerMetricsUrl: url('picker-metrics-url', values['picker-metrics-url']),
    metricsToken: tokenFile === undefined ? undefined : await readToken(tokenFile),
    timeoutMs: timeout(values.timeout ?? '5s'),
    isInside: env['KUBERNETES_SERVICE_HOST'] !== undefined,
    json: values.json === true,
  };
}

function url(flag: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) throw new Error(`--${flag}: "${text}" is not an http URL`);
  return text;
}

function timeout(text: string): number {
  let ms: number;
  try {
    ms = parseDurationMs(text);
  } catch (error) {
    throw new Error(`--timeout: "${text}": ${(error as Error).message}`, { cause: error });
  }
  if (!(ms >= 1 && ms <= 600_000)) throw new Error(`--timeout: ${text} is not from 1ms to 10m`);
  return ms;
}

async function readToken(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    throw new Error(`--metrics-token-file: ${(error as Error).message}`, { cause: error });
  }
}
