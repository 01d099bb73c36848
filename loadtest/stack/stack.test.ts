import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { SAMPLE_CONFIG } from './picker-process.ts';
import { pickerConfig } from './stack.ts';

it("points a configuration's discovery at the stack's endpoints and leaves the rest", () => {
  const sample = readFileSync(SAMPLE_CONFIG, 'utf8');
  const [before, after] = [parse(sample), parse(pickerConfig(sample, '/tmp/endpoints.yaml'))];
  const discovery = before.plugins.find(({ type }: { type: string }) => type === 'file-discovery');
  discovery.parameters.path = '/tmp/endpoints.yaml';
  expect(after).toEqual(before);
});

it('refuses a configuration without such a plugin', () => {
  expect(() => pickerConfig('plugins: [{ type: queue-scorer }]', '/x')).toThrow(
    'the picker configuration has no file-discovery plugin',
  );
});
