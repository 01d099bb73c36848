import { assert, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readEndpoints } from './endpoints-file.ts';

const entry = (fields: string): string => `endpoints:\n- {${fields}}\n`;
const read = (text: string): ReturnType<typeof readEndpoints> => readEndpoints(text, 'pool.yaml');

describe('readEndpoints', () => {
  it('reads the sample of the contract', () => {
    const text = `
endpoints:
- name: vllm-0
  namespace: llm
  address: "10.0.0.1"
  port: "8000"
  labels: {llm-d.ai/role: decode}
  comment: ignored
- {name: vllm-1, address: 10.0.0.2, port: 8000}
version: 7
`;
    expect(read(text)).toEqual({
      endpoints: [
        { namespace: 'llm', name: 'vllm-0', address: '10.0.0.1', port: 8000, labels: { 'llm-d.ai/role': 'decode' } },
        { namespace: 'default', name: 'vllm-1', address: '10.0.0.2', port: 8000, labels: {} },
      ],
      errors: [],
      warnings: [],
    });
  });

  it('reads JSON', () => {
    const text = JSON.stringify({ endpoints: [{ name: 'a', address: '::1', port: '1', labels: null }] });
    expect(read(text).endpoints).toEqual([{ namespace: 'default', name: 'a', address: '::1', port: 1, labels: {} }]);
  });

  it('empties the pool only when told to', () => {
    expect(read('endpoints: []')).toEqual({ endpoints: [], errors: [], warnings: [] });
    expect(read('endpoints:').errors).toEqual([
      'pool.yaml:1:11: endpoints: found null, expected a list; write "endpoints: []" for none',
    ]);
    expect(read('').errors).toEqual(['pool.yaml:1:1: found nothing, expected a map with a list "endpoints"']);
    expect(read('endpoint: []').errors).toHaveLength(1);
  });

  it('lets the last of two entries with one identity win', () => {
    const { endpoints, warnings } = read(
      `endpoints:\n- {name: a, address: 10.0.0.1, port: 1}\n- {name: a, namespace: default, address: 10.0.0.2, port: 1}\n- {name: a, namespace: b, address: 10.0.0.3, port: 1}`,
    );
    expect(endpoints.map(({ address }) => address)).toEqual(['10.0.0.2', '10.0.0.3']);
    expect(warnings).toEqual(['pool.yaml:3:3: endpoints[1]: replaces an earlier entry "default/a"']);
  });

  it('warns about two endpoints at one address', () => {
    const { warnings } = read('endpoints:\n- {name: a, address: ::1, port: 1}\n- {name: b, address: "[::1]", port: 1}');
    expect(warnings).toEqual(['pool.yaml: default/b has the same address as a: [::1]:1']);
  });

  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['"fe80::1"', 'fe80::1'],
    ['"[fe80::1]"', 'fe80::1'],
    ['vllm-0.vllm.svc.cluster.local', 'vllm-0.vllm.svc.cluster.local'],
    ['localhost', 'localhost'],
    ['host_1.', 'host_1.'],
    [`${'a'.repeat(63)}.b`, `${'a'.repeat(63)}.b`],
  ])('takes the address %s', (written, address) => {
    expect(read(entry(`name: a, address: ${written}, port: 1`)).endpoints[0]?.address).toBe(address);
  });

  it.each([
    '10.0.0',
    '10.0.0.256',
    '"10.0.0.1:80"',
    '"[10.0.0.1]"',
    '"fe80::1%eth0"',
    '"http://a"',
    '-a.b',
    '""',
    '"a b"',
    'a..b',
    `${'a'.repeat(64)}.b`,
    '5',
    '[]',
  ])('refuses the address %s', (written) => {
    const { errors } = read(entry(`name: a, address: ${written}, port: 1`));
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(/^pool\.yaml:2:22: endpoints\[0\]\.address: found .*, expected an IPv4 or IPv6 address/);
  });

  it.each(['1', '"1"', '65535', '"65535"'])('takes the port %s', (port) => {
    expect(read(entry(`name: a, address: b, port: ${port}`)).errors).toEqual([]);
  });

  it.each(['0', '"0"', '65536', '-1', '1.5', '"80 "', '"0x50"', 'http', 'true'])('refuses the port %s', (port) => {
    const found = `pool.yaml:2:31: endpoints[0].port: found `;
    expect(read(entry(`name: a, address: b, port: ${port}`)).errors[0]).toContain(found);
  });

  it('tells everything that is wrong, each with its place', () => {
    const { errors, endpoints } = read(`endpoints:
- {address: 10.0.0.1, port: 1}
- {name: a/b, namespace: "x y", address: 10.0.0.1, port: 1, labels: {a: 1, b: "2"}}
- just a text
- {name: good, address: 10.0.0.1, port: 1, labels: []}
- {name: fine, address: 10.0.0.2, port: 1}
`);
    expect(errors).toEqual([
      'pool.yaml:2:3: endpoints[0].name: is missing, expected a name without spaces and slashes, at most 253 characters',
      'pool.yaml:3:10: endpoints[1].name: found "a/b", expected a name without spaces and slashes, at most 253 characters',
      'pool.yaml:3:26: endpoints[1].namespace: found "x y", expected a name without spaces and slashes, at most 253 characters',
      'pool.yaml:3:73: endpoints[1].labels.a: found 1, expected a text: put it in quotes',
      'pool.yaml:4:3: endpoints[2]: found "just a text", expected a map with name, address and port',
      'pool.yaml:5:52: endpoints[3].labels: found a list, expected a map of texts',
    ]);
    expect(endpoints.map(({ name }) => name)).toContain('fine');
  });

  it('says where the syntax is wrong', () => {
    expect(read('endpoints:\n- {name: a').errors[0]).toMatch(/^pool\.yaml:2:\d+: /);
  });

  it('answers any text', () => {
    assert(
      property(string({ maxLength: 60, unit: 'grapheme' }), (text) => {
        for (const line of read(`endpoints:\n- ${text}`).errors) expect(line).toMatch(/^pool\.yaml:\d+:\d+: /);
      }),
    );
  });
});
