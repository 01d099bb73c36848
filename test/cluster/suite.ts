import { afterAll, beforeAll, describe, inject } from 'vitest';
import { Cluster } from './cluster.ts';

/** A `describe` with an API server of its own; skipped as a whole where none is to be had. */
export function describeCluster(name: string, body: (cluster: () => Cluster) => void): void {
  const binaries = inject('clusterBinaries');
  describe.skipIf(binaries === null)(name, () => {
    let cluster: Cluster | undefined;
    beforeAll(async () => {
      if (binaries !== null) cluster = await Cluster.start(binaries);
    });
    afterAll(() => cluster?.stop());
    body(() => {
      if (cluster === undefined) throw new Error('the cluster did not start');
      return cluster;
    });
  });
}
