import { describe, expect, it } from 'vitest';
import { WireHeaders } from './headers.ts';

const raw = (text: string): Buffer => Buffer.from(text);

describe('WireHeaders', () => {
  const headers = new WireHeaders({
    headers: [
      { key: ':path', rawValue: raw('/v1') },
      { key: 'X-Mixed', value: 'a' },
      { key: 'x-both', value: 'text', rawValue: raw('bytes') },
      { key: 'x-dup', rawValue: raw('1') },
      { key: 'x-dup', rawValue: raw('2') },
      { key: 'x-empty', rawValue: Buffer.alloc(0) },
      { key: 'x-utf8', rawValue: new TextEncoder().encode('é') },
    ],
  });

  it.each([
    [':path', '/v1'],
    ['x-mixed', 'a'],
    ['x-both', 'bytes'],
    ['x-dup', '2'],
    ['x-empty', ''],
    ['x-utf8', 'é'],
    ['x-none', undefined],
  ])('%s is %s', (name, value) => {
    expect(headers.get(name)).toBe(value);
  });

  it('takes no headers at all', () => {
    expect(new WireHeaders(undefined).get('a')).toBeUndefined();
    expect(new WireHeaders({}).get('a')).toBeUndefined();
    expect(new WireHeaders({ headers: [{}] }).get('a')).toBeUndefined();
  });
});
