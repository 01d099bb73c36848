import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rejection } from '../../src/core/errors.ts';
import { NO_HEADERS } from '../../src/core/headers.ts';
import type { PluginDefinition } from '../../src/core/plugin.ts';
import { PLUGINS } from '../../src/plugins/catalog.ts';
import { create } from '../kit/plugins.ts';

const parsers = PLUGINS.filter(({ kind }) => kind === 'parser') as readonly PluginDefinition<'parser'>[];

describe.each(parsers)('$type keeps the parser contract', (definition) => {
  const parser = create(definition);
  const paths = parser.paths.length === 0 ? ['/anything'] : parser.paths.map((path) => `/v1/${path}`);

  it.each(paths)('never throws at %s, whatever the bytes', (path) => {
    const garbage = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(garbage, (bytes) => {
        const read = parser.parse(path, [bytes], NO_HEADERS);
        if (!(read instanceof Rejection))
          for (const prompt of read.prompts()) expect(prompt).toBeInstanceOf(Uint8Array);
      }),
      { numRuns: 300 },
    );
  });

  it.each(paths)('reads a body in pieces at %s as it reads it whole', (path) => {
    const body = Buffer.from(
      JSON.stringify({ model: 'mé', prompt: 'hällo', messages: [{ role: 'user', content: 'hällo' }] }),
    );
    const whole = parser.parse(path, [body], NO_HEADERS);
    for (let cut = 0; cut <= body.length; cut++) {
      const pieces = parser.parse(path, [body.subarray(0, cut), body.subarray(cut)], NO_HEADERS);
      expect(JSON.stringify(pieces)).toBe(JSON.stringify(whole));
    }
  });
});
