import { describe, expect, it } from 'vitest';
import { endpointSpec, idlePool, scraped } from '../../test/kit/pool.ts';
import { ConfigError } from '../core/errors.ts';
import { MAX_ATTRIBUTES } from './attributes.ts';

const CORE = 'core-metrics-extractor';

describe('attributes', () => {
  it('are unknown until their producer writes, and unknown again for the next tenant of a slot', () => {
    const table = idlePool(1);
    expect(table.attribute('depth')).toBeUndefined();
    const written = new Float64Array(table.attributes.hold('depth', CORE));
    const column = table.attribute('depth');
    expect(column?.[0]).toBeNaN();
    written[0] = 7;
    expect(column?.[0]).toBe(7);
    table.replace([endpointSpec(0, { labels: { changed: 'yes' } })]);
    written[1] = 8;
    for (let round = 1; round < 70; round++) table.replace([endpointSpec(round)]);
    expect(table.all.every((slot) => Number.isNaN(column?.[slot]))).toBe(true);
  });

  it('belong to their producer; an empty name means anybody', () => {
    const table = idlePool(1);
    table.attributes.hold('GPUUtilization', 'dcgm-extractor');
    expect(table.attribute('GPUUtilization')).toBeUndefined();
    expect(table.attribute('GPUUtilization', 'other')).toBeUndefined();
    expect(table.attribute('GPUUtilization', 'dcgm-extractor')).toBeDefined();
    expect(table.attribute('GPUUtilization', '')).toBe(table.attribute('GPUUtilization', 'dcgm-extractor'));
  });

  it.each([
    ['WaitingQueueSize', 'waiting'],
    ['RunningRequestsSize', 'running'],
    ['KVCacheUsagePercent', 'kvUsage'],
  ] as const)('%s is the signal', (key, signal) => {
    const table = idlePool(1);
    scraped(table, 0, { [signal]: 0.5 });
    expect(table.attribute(key)).toBe(table.signals[signal]);
    expect(table.attribute(key, '')).toBe(table.signals[signal]);
    expect(table.attribute(key, 'other')).toBeUndefined();
    table.attributes.hold(key, CORE);
    expect(table.attribute(key)?.[0]).toBeNaN();
    table.attributes.release(key, CORE);
    expect(table.attribute(key)?.[0]).toBe(0.5);
  });

  it('live as long as somebody holds them, values included', () => {
    const { attributes } = idlePool(1);
    const first = attributes.hold('depth', CORE);
    new Float64Array(first)[0] = 7;
    expect(attributes.hold('depth', CORE)).toBe(first);
    attributes.release('depth', CORE);
    expect(attributes.find('depth', CORE)?.[0]).toBe(7);
    attributes.release('depth', CORE);
    expect(attributes.find('depth', CORE)).toBeUndefined();
    attributes.release('depth', CORE);
    expect(new Float64Array(attributes.hold('depth', CORE))[0]).toBeNaN();
  });

  it('have room for so many and not one more', () => {
    const { attributes } = idlePool(1);
    for (let i = 0; i < MAX_ATTRIBUTES; i++) attributes.hold(`key-${i}`, CORE);
    expect(() => attributes.hold('one-more', CORE)).toThrow(
      new ConfigError(`no room for attribute "one-more": ${MAX_ATTRIBUTES} are in use`),
    );
    attributes.hold('key-0', CORE);
    attributes.release('key-1', CORE);
    expect(attributes.hold('one-more', CORE).byteLength).toBe(16_384 * 8);
  });
});
