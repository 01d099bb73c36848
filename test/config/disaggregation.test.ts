import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CATALOG } from '../../src/app/catalog.ts';
import { diagnoseConfig, resolveConfig } from '../../src/config/resolve.ts';
import { SAMPLES } from '../kit/samples.ts';

const OPTIONS = { catalog: CATALOG, source: 'test', allowExperimental: false };

/** `error 3:5 plugins[0]: what is wrong`, in order. */
const problemsOf = (text: string): string[] =>
  diagnoseConfig(text, OPTIONS).problems.map(
    ({ severity, position, path, message }) => `${severity} ${position?.line}:${position?.column} ${path}: ${message}`,
  );

/** A handler with parameters between a decode and a prefill profile. */
const withHandler = (parameters: string, more = ''): string => `plugins:
- {type: disagg-profile-handler, parameters: ${parameters}}
- {type: always-disagg-pd-decider}
- {type: queue-scorer}
${more}schedulingProfiles:
- {name: decode, plugins: [{pluginRef: queue-scorer}]}
- {name: prefill, plugins: [{pluginRef: queue-scorer}]}
`;

describe('samples of disaggregation', () => {
  it.each([
    ['S2', []],
    [
      'S2b',
      [
        "warning 4:10 plugins[0].type: plugin type 'prefill-header-handler' is deprecated: profile handlers set these headers themselves, remove it",
        "warning 12:10 plugins[8].type: plugin type 'pd-profile-handler' is deprecated: write 'disagg-profile-handler'",
      ],
    ],
    ['S3', []],
    [
      'S11',
      [
        "warning 7:10 plugins[3].type: plugin type 'data-parallel-profile-handler' is deprecated: list every rank's port in the pool and use single-profile-handler",
      ],
    ],
  ] as const)('%s loads and says at most that something is deprecated', (sample, problems) => {
    expect(problemsOf(SAMPLES[sample])).toEqual(problems);
  });

  it.each([
    ['S2', ['token-producer']],
    ['S2b', ['token-producer']],
    ['S3', ['token-producer', 'approx-prefix-cache-producer']],
    ['S11', ['approx-prefix-cache-producer', 'token-producer']],
  ] as const)('%s gets the producers its plugins need: %j', (sample, added) => {
    const { plugins } = resolveConfig(SAMPLES[sample], OPTIONS);
    const injected = plugins.filter(
      ({ origin, definition }) => origin === 'injected' && definition.kind === 'producer',
    );
    expect(injected.map(({ name }) => name).toSorted()).toEqual([...added].toSorted());
  });

  it('in the repository load as they are', () => {
    const sample = readFileSync(join(import.meta.dirname, '../../config/samples/prefill-decode.yaml'), 'utf8');
    expect(problemsOf(sample)).toEqual([]);
  });

  it('create deciders before the handler that is declared before them', () => {
    const names = resolveConfig(SAMPLES.S2, OPTIONS).plugins.map(({ name }) => name);
    expect(names.indexOf('prefix-based-pd-decider')).toBeLessThan(names.indexOf('disagg-profile-handler'));
  });
});

describe('a handler of stages', () => {
  it.each([
    [
      '{deciders: {prefill: nobody}}',
      "error 2:67 plugins[0].parameters.deciders.prefill: 'disagg-profile-handler' has a dependency on the unregistered plugin 'nobody'",
    ],
    [
      '{prefillDeciderPluginName: nobody}',
      "error 2:73 plugins[0].parameters.prefillDeciderPluginName: 'disagg-profile-handler' has a dependency on the unregistered plugin 'nobody'",
    ],
    [
      '{deciders: {encode: queue-scorer}}',
      "error 2:66 plugins[0].parameters.deciders.encode: the plugin 'queue-scorer' is not a decider but a scorer",
    ],
    [
      '{deciders: {prefil: x}}',
      'error 2:58 plugins[0].parameters.deciders.prefil: unknown key "prefil" (did you mean "prefill"?)',
    ],
    [
      '{primaryPort: 8000}',
      expect.stringMatching(
        /^error 2:47 plugins\[0\]\.parameters\.primaryPort: unknown key "primaryPort": known are deciderPluginName, /,
      ),
    ],
    [
      '{stageOrder: decode}',
      'error 2:59 plugins[0].parameters.stageOrder: found "decode", expected "decode-first" or "prefill-first"',
    ],
    [
      '{stageOrder: prefill-first, deciders: {prefill: always-disagg-pd-decider}}',
      'error 2:46 plugins[0].parameters: prefill decider is not supported in prefill-first stage order',
    ],
    [
      '{profiles: {decode: decode}, deciderPluginName: always-disagg-pd-decider}',
      expect.stringMatching(
        /^error 2:46 plugins\[0\]\.parameters: cannot mix deprecated flat parameters \(.*\) with nested parameters/,
      ),
    ],
  ])('is refused with %s', (parameters, problem) => {
    expect(problemsOf(withHandler(parameters))).toContainEqual(problem);
  });

  it('takes its keys in any case, as the reference does', () => {
    expect(problemsOf(withHandler('{Deciders: {Prefill: always-disagg-pd-decider}}'))).toEqual([]);
  });

  it('needs the decider that pd-profile-handler asks by default', () => {
    const text = withHandler('{}').replace('disagg-profile-handler', 'pd-profile-handler');
    expect(problemsOf(text)).toContain(
      "error 2:42 plugins[0].parameters.deciderPluginName: 'pd-profile-handler' has a dependency on the unregistered plugin 'prefix-based-pd-decider': add \"- type: prefix-based-pd-decider\" to plugins",
    );
  });

  it('warns of a profile it never runs, and of one that is not there', () => {
    expect(problemsOf(withHandler('{}'))).toEqual([
      "warning 7:10 schedulingProfiles[1].name: 'disagg-profile-handler' runs 'decode' and never 'prefill'",
    ]);
    expect(problemsOf(withHandler('{deciders: {encode: always-disagg-pd-decider}}'))).toEqual([
      "warning 7:10 schedulingProfiles[1].name: 'disagg-profile-handler' runs 'decode', 'encode' and never 'prefill'",
      "warning 2:3 plugins[0]: 'disagg-profile-handler' runs 'encode', which is not in schedulingProfiles ('decode', 'prefill')",
    ]);
    expect(problemsOf(withHandler('{stageOrder: prefill-first}'))).toEqual([]);
  });
});

describe('a prefix-based decider', () => {
  const text = (scorer: string): string =>
    withHandler(
      '{deciders: {prefill: d}}',
      `- {name: d, type: prefix-based-pd-decider, parameters: {nonCachedTokens: 16}}\n${scorer}`,
    );
  const reads = (scorer: string) =>
    resolveConfig(text(scorer), OPTIONS)
      .plugins.find(({ name }) => name === 'd')
      ?.consumes.map(({ producer }) => producer);

  it('reads the prefix producer that the configuration has, and the approximate one else', () => {
    expect(reads('')).toEqual(['token-producer', 'approx-prefix-cache-producer']);
    const own = '- {name: mine, type: approx-prefix-cache-producer}\n';
    expect(reads(own)).toEqual(['token-producer', 'mine']);
    const scored = `${own}- {type: prefix-cache-scorer, parameters: {prefixMatchInfoProducerName: mine}}\n`;
    expect(reads(scored)).toEqual(['token-producer', 'mine']);
    expect(reads(`${own}- {type: prefix-cache-scorer}\n`)).toEqual(['token-producer', 'approx-prefix-cache-producer']);
  });

  it('reads the one that pd-profile-handler names', () => {
    const two = '- {name: mine, type: approx-prefix-cache-producer}\n';
    const named = text(two).replace(
      'disagg-profile-handler, parameters: {deciders: {prefill: d}}',
      'pd-profile-handler, parameters: {deciderPluginName: d, prefixMatchInfoProducerName: mine}',
    );
    const decider = resolveConfig(named, OPTIONS).plugins.find(({ name }) => name === 'd');
    expect(decider?.consumes.map(({ producer }) => producer)).toEqual(['token-producer', 'mine']);
  });
});
