import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rejection } from '../../src/core/errors.ts';
import { NO_HEADERS } from '../../src/core/headers.ts';
import type { PluginDefinition } from '../../src/core/plugin.ts';
import type { InferenceBody } from '../../src/core/request.ts';
import { PLUGINS } from '../../src/plugins/catalog.ts';
import { create } from '../kit/plugins.ts';
import { promptsOf } from '../kit/prompts.ts';

/** A body that every JSON API accepts. */
const EVERYTHING = {
  model: 'mé',
  prompt: 'hällo',
  input: 'hällo',
  items: ['hällo'],
  messages: [{ role: 'user', content: 'hällo' }],
  token_ids: [1, 2],
  input_ids: [1, 2],
};

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
          for (const prompt of promptsOf(read)) expect(prompt).toBeInstanceOf(Uint8Array);
      }),
      { numRuns: 300 },
    );
  });

  it.each(paths)('takes any depth of nesting at %s as it came, or refuses it', (path) => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    for (const field of ['model', 'prompt', 'messages', 'input', 'items', 'tools', 'token_ids']) {
      const body = JSON.stringify({ ...EVERYTHING, [field]: 0 }).replace(`"${field}":0`, `"${field}":${deep}`);
      const read = parser.parse(path, [Buffer.from(body)], NO_HEADERS);
      if (read instanceof Rejection) expect(read.code).toBe('BadRequest');
      else expect([promptsOf(read), read.modelSpan]).toHaveLength(2);
    }
  });

  it.each(paths)('reads a body in pieces at %s as it reads it whole', (path) => {
    const body = Buffer.from(JSON.stringify(EVERYTHING));
    const before = Buffer.from(body);
    const all = (read: InferenceBody | Rejection): unknown =>
      read instanceof Rejection ? read : { ...read, prompts: promptsOf(read), modelSpan: read.modelSpan };
    const whole = all(parser.parse(path, [body], NO_HEADERS));
    for (let cut = 0; cut <= body.length; cut++) {
      const pieces = [body.subarray(0, cut), body.subarray(cut)];
      expect(all(parser.parse(path, pieces, NO_HEADERS))).toEqual(whole);
    }
    expect(body.equals(before)).toBe(true);
  });

  it.each(paths)('has a prompt rendered at %s for the model it is told, in JSON', (path) => {
    const body = [Buffer.from(JSON.stringify(EVERYTHING))];
    const read = parser.parse(path, body, NO_HEADERS);
    const request = read instanceof Rejection ? undefined : read.renderRequest?.('base');
    if (request === undefined) return;
    const sent: unknown = JSON.parse(Buffer.from(request.body()).toString());
    expect(sent).toMatchObject({ model: 'base', [request.api === 'chat' ? 'messages' : 'prompt']: expect.anything() });
  });

  it.each(paths)('expects the dialect at %s that it reports with the body', (path) => {
    const read = parser.parse(path, [Buffer.from(JSON.stringify(EVERYTHING))], NO_HEADERS);
    if (!(read instanceof Rejection)) expect(read.dialect).toBe(parser.dialect(path));
  });
});
