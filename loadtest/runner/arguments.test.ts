import { describe, expect, it } from 'vitest';
import { HELP, type LoadOptions, readArguments, SCRIPTS } from './arguments.ts';

const read = (...argv: string[]) => readArguments(argv, '/results');

function options(...argv: string[]): LoadOptions {
  const plan = read(...argv);
  if (plan.kind !== 'run') throw new Error(JSON.stringify(plan));
  return plan.options;
}

describe('the command line of the load tests', () => {
  it('names one script, or all of them', () => {
    expect(read('burst')).toMatchObject({ kind: 'run', scripts: ['burst'] });
    expect(read('all')).toMatchObject({ kind: 'run', scripts: SCRIPTS });
    expect(read('--help')).toEqual({ kind: 'help' });
    for (const script of SCRIPTS) expect(HELP).toContain(`  ${script}`);
  });

  it('has defaults', () => {
    expect(options('gateway')).toEqual({
      short: false,
      url: undefined,
      servers: 8,
      pickerConfig: expect.stringMatching(/config\/samples\/picker\.yaml$/),
      variables: [],
      resultsFolder: '/results',
    });
  });

  it('takes flags', () => {
    const flags = ['--short', '--servers', '2', '-e', 'RATE=5', '--set', 'SCENARIO=soak', '--results', 'here'];
    expect(options('gateway', ...flags, '--picker-config', 'p.yaml')).toEqual({
      short: true,
      url: undefined,
      servers: 2,
      pickerConfig: 'p.yaml',
      variables: ['RATE=5', 'SCENARIO=soak'],
      resultsFolder: 'here',
    });
    expect(options('gateway', '--servers', '64').servers).toBe(64);
    expect(options('extproc', '--url', 'grpcs://h:9002').url).toBe('grpcs://h:9002');
    expect(options('gateway', '--url', 'https://h').url).toBe('https://h');
  });

  it.each([
    [[], 'name a scenario: gateway, extproc, failover, burst, all'],
    [['storm'], 'there is no scenario "storm", only gateway, extproc, failover, burst, all'],
    [['burst', 'soak'], 'one scenario at a time, not also "soak"'],
    [['burst', '--servers', '1'], '--servers: "1" is not a whole number from 2 to 64'],
    [['burst', '--servers', '65'], '--servers: "65" is not a whole number from 2 to 64'],
    [['burst', '-e', 'RATE'], '--set: "RATE" is not NAME=VALUE'],
    [['burst', '--url', 'h:80'], '--url: "h:80" does not begin with http:// or https://, which burst needs'],
    [
      ['extproc', '--url', 'http://h'],
      '--url: "http://h" does not begin with grpc:// or grpcs://, which extproc needs',
    ],
    [['all', '--url', 'http://h'], '--url: name one scenario; gateway and picker have different addresses'],
    [
      ['failover', '--url', 'http://h'],
      'failover cannot make servers behind http://h fail: run it without --url, or set FAULT_URL to a control server',
    ],
    [['burst', '--fast'], "Unknown option '--fast'"],
  ])('refuses %j', (argv, message) => {
    expect(read(...argv)).toEqual({ kind: 'error', message });
  });

  it('lets failover at a foreign gateway where something can make its servers fail', () => {
    expect(options('failover', '--url', 'http://h', '-e', 'FAULT_URL=http://c').url).toBe('http://h');
  });
});
