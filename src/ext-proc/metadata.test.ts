import { describe, expect, it } from 'vitest';
import type { Metadata, StructValue } from '../protos/ext-proc.ts';
import { WireMetadata } from './metadata.ts';

const subset = (value: StructValue): Metadata => ({
  filterMetadata: { 'envoy.lb.subset_hint': { fields: { 'x-gateway-destination-endpoint-subset': value } } },
});
const served = (value: StructValue): Metadata => ({
  filterMetadata: { 'envoy.lb': { fields: { 'x-gateway-destination-endpoint-served': value } } },
});
const read = (...messages: Metadata[]): WireMetadata => {
  const metadata = new WireMetadata();
  for (const message of messages) metadata.add(message);
  return metadata;
};

describe('subset', () => {
  it.each<[string, StructValue, readonly string[] | undefined]>([
    ['a list', { listValue: { values: [{ stringValue: 'a:1' }, { stringValue: '[::1]:2' }] } }, ['a:1', '[::1]:2']],
    ['one string', { stringValue: 'a:1, b:2,,' }, ['a:1', 'b:2']],
    [
      'a list with something else in it',
      { listValue: { values: [{ numberValue: 1 }, { stringValue: 'a:1' }] } },
      ['a:1'],
    ],
    ['an empty list', { listValue: {} }, []],
    ['an empty string', { stringValue: '' }, []],
    ['a number', { numberValue: 1 }, undefined],
    ['nothing', {}, undefined],
  ])('%s', (_name, value, expected) => {
    expect(read(subset(value)).subset()).toEqual(expected);
  });

  it('is no limit where nobody set one', () => {
    expect(read().subset()).toBeUndefined();
    expect(read({}, { filterMetadata: {} }, served({ stringValue: 'a:1' })).subset()).toBeUndefined();
  });

  it('is that of the latest message that carries the namespace', () => {
    const metadata = read(
      subset({ stringValue: 'a:1' }),
      subset({ stringValue: 'b:2' }),
      served({ stringValue: 'c:3' }),
    );
    expect(metadata.subset()).toEqual(['b:2']);
    expect(read(subset({ stringValue: 'a:1' }), { filterMetadata: { 'envoy.lb.subset_hint': {} } }).subset()).toBe(
      undefined,
    );
  });
});

describe('served', () => {
  it('is the endpoint that answered', () => {
    expect(read(served({ stringValue: '10.0.0.1:8000' })).served()).toBe('10.0.0.1:8000');
    expect(read(served({ numberValue: 1 })).served()).toBeUndefined();
    expect(read().served()).toBeUndefined();
  });
});
