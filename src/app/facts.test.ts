import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { eventually } from '../../test/kit/eventually.ts';
import { Objectives } from '../datastore/objectives.ts';
import { ModelRewrites } from '../datastore/rewrites.ts';
import { createLog } from '../telemetry/log.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { startObjects } from './facts.ts';

const object = (kind: string, spec: string): string =>
  `apiVersion: llm-d.ai/v1alpha2\nkind: ${kind}\nmetadata: {name: o}\nspec: ${spec}\n---\n`;

it('feeds objectives and rewrites from a file, keeps the last good ones, and counts the bad', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-facts-'));
  const path = join(folder, 'objects.yaml');
  const write = async (text: string): Promise<void> => {
    await writeFile(`${path}.new`, text);
    await rename(`${path}.new`, path);
  };
  const objectives = new Objectives();
  const rewrites = new ModelRewrites();
  const metrics = new Metrics({ processMetrics: false });
  await write(
    object('InferenceObjective', '{priority: 3, poolRef: {name: llm}}') +
      object('InferenceModelRewrite', '{poolRef: {name: llm}, rules: [{targets: [{modelRewrite: m}]}]}'),
  );
  const source = await startObjects({
    path,
    poolName: 'llm',
    objectives,
    rewrites,
    metrics,
    log: createLog('silent'),
  });
  try {
    expect([objectives.priorityOf('o'), rewrites.decide('any')]).toEqual([3, { rewrite: 'o', model: 'm' }]);
    await write(object('InferenceObjective', '{priority: high}'));
    await eventually('the refusal was counted', async () =>
      (await metrics.registry.metrics()).includes('config_reload_errors_total{file="objects"} 1'),
    );
    expect([objectives.priorityOf('o'), rewrites.isFor('any')]).toEqual([3, true]);
    await write(object('InferenceObjective', '{priority: 5}'));
    await eventually('the new objective', () => objectives.priorityOf('o') === 5);
    expect(rewrites.isFor('any')).toBe(false);
  } finally {
    await source.close();
    await rm(folder, { recursive: true, force: true });
  }
});
