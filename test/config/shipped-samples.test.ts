import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CATALOG } from '../../src/app/catalog.ts';
import { dryRun } from '../../src/app/dry-run.ts';
import { problemLine } from '../../src/config/problems.ts';
import { diagnoseConfig } from '../../src/config/resolve.ts';

const FOLDER = join(import.meta.dirname, 'samples');
const OLD_GROUP = '"inference.networking.x-k8s.io/v1alpha1" is deprecated: write "llm-d.ai/v1alpha1"';

/** What each sample of contract 2.9 is told, in full; nothing means that it is told nothing. */
const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  's1-chart-default': [],
  's2-disaggregation': [],
  's2b-deprecated-disaggregation': [
    "warning 4:13: plugins[0].type: plugin type 'prefill-header-handler' is deprecated: profile handlers set these headers themselves, remove it",
    "warning 13:13: plugins[8].type: plugin type 'pd-profile-handler' is deprecated: write 'disagg-profile-handler'",
  ],
  's3-encode-prefill-decode': [],
  's4-precise-prefix': [
    "error 6:11: plugins[2].type: plugin type 'precise-prefix-cache-producer' is not supported yet",
  ],
  's5-flow-control': [
    'warning 3:1: featureGates: flow control is NOT THERE YET: requests are NOT queued, and limits, bands, TTLs, policies and eviction have no effect; all that is left of it is that a full pool refuses negative priorities',
  ],
  's6-predicted-latency': [
    "error 9:13: plugins[5].type: plugin type 'predicted-latency-producer' is not supported yet",
    'warning 12:5: plugins[8]: predicted-latency-producer is not supported yet: scores by KV cache, queue and prefix instead',
    "error 14:13: plugins[10].type: plugin type 'slo-headroom-tier-filter' is not supported yet",
    "error 15:13: plugins[11].type: plugin type 'latency-slo-admitter' is not supported yet",
  ],
  's7-old-group': [`warning 1:13: apiVersion: ${OLD_GROUP}`],
  's8-no-kubernetes': [
    "warning 10:49: schedulingProfiles[0].plugins[0]: 'single-profile' is a profile-handler, not a filter, scorer or picker: ignored in a profile",
    "warning 3:5: plugins[1]: the scorer 'kv-cache-scorer' is in no scheduling profile: it is never asked",
  ],
  's9-two-prefix-producers': [],
  's10-payload-agnostic': [],
  's11-data-parallel': [
    "warning 7:13: plugins[3].type: plugin type 'data-parallel-profile-handler' is deprecated: list every rank's port in the pool and use single-profile-handler",
  ],
  's12-reporter': [
    "warning 15:15: schedulingProfiles[0].plugins[0]: 'openai-parser' is a parser, not a filter, scorer or picker: ignored in a profile",
    "warning 15:45: schedulingProfiles[0].plugins[1]: 'total-tokens' is a hook, not a filter, scorer or picker: ignored in a profile",
  ],
};

describe('the samples the reference ships', () => {
  it('are all here', () => {
    const files = readdirSync(FOLDER).map((file) => file.replace('.yaml', ''));
    expect(files.toSorted()).toEqual(Object.keys(EXPECTED).toSorted());
  });

  it.each(Object.entries(EXPECTED))(
    '%s is told what is to be said of it, and starts unless it is refused',
    (name, expected) => {
      const text = readFileSync(join(FOLDER, `${name}.yaml`), 'utf8');
      const { config, problems } = diagnoseConfig(text, { catalog: CATALOG, source: 'x', allowExperimental: true });
      const lines = problems.map((problem) => `${problem.severity} ${problemLine(problem).replace(/^x:/, '')}`);
      expect(lines).toEqual(expected);
      const refused = expected.some((line) => line.startsWith('error'));
      expect(config === undefined).toBe(refused);
      if (config !== undefined) expect(dryRun(config)).toBeUndefined();
    },
  );
});
