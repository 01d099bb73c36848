import { Client, credentials } from '@grpc/grpc-js';
import * as v from 'valibot';
import { afterEach, describe, expect, it } from 'vitest';
import { CATALOG } from '../../src/app/catalog.ts';
import { definePlugin } from '../../src/core/plugin.ts';
import {
  decodeHealthCheckResponse,
  encodeHealthCheckRequest,
  HEALTH_CHECK_PATH,
  ServingStatus,
} from '../../src/protos/health.ts';
import { startTestPicker } from '../kit/picker.ts';

const open: { stop(): Promise<unknown> | void }[] = [];

afterEach(async () => {
  for (const part of open.splice(0).toReversed()) await part.stop();
});

const { SERVING, NOT_SERVING } = ServingStatus;

/** Contract `wire-protocol.md` 7.6, row 98. */
describe('readiness', () => {
  it('waits for every plugin, liveness does not', async () => {
    const plugins = { ready: true };
    const slow = definePlugin({
      kind: 'hook',
      type: 'test-slow',
      stability: 'beta',
      summary: 'Is ready when the test says so.',
      config: v.strictObject({}),
      create: () => ({ ready: () => plugins.ready }),
    });
    const picker = await startTestPicker(
      [],
      {},
      {
        catalog: new Map([...CATALOG, [slow.type, slow]]),
        config: (path) => ({
          plugins: [
            { name: 'file', type: 'file-discovery', parameters: { path } },
            { type: 'test-slow' },
            { type: 'queue-scorer' },
          ],
          dataLayer: { discovery: { pluginRef: 'file' } },
        }),
      },
    );
    open.push(picker);
    const client = new Client(`127.0.0.1:${picker.healthPort}`, credentials.createInsecure());
    open.push({ stop: () => client.close() });
    const status = (service: string) =>
      new Promise((resolve, reject) => {
        client.makeUnaryRequest(
          HEALTH_CHECK_PATH,
          () => encodeHealthCheckRequest({ service }),
          decodeHealthCheckResponse,
          {},
          (error, answer) => (error === null ? resolve(answer?.status) : reject(error)),
        );
      });
    const both = async () => [await status('readiness'), await status('liveness')];
    expect(await both()).toEqual([SERVING, SERVING]);
    plugins.ready = false;
    expect(await both()).toEqual([NOT_SERVING, SERVING]);
    plugins.ready = true;
    expect(await both()).toEqual([SERVING, SERVING]);
  });
});
