import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { create } from '../../test/kit/plugins.ts';
import { Rejection } from '../core/errors.ts';
import { NO_HEADERS } from '../core/headers.ts';
import { openaiParser } from '../plugins/parsers/openai.ts';
import { modelSpan } from './json-span.ts';
import { renameModel } from './model-rename.ts';

const RUNS = 10_000;

/** A string as JSON text, each character as itself or escaped. */
const stringText = fc
  .array(fc.tuple(fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }), fc.boolean()), { maxLength: 8 })
  .map((units) => `"${units.map(([unit, escaped]) => (escaped ? escape(unit) : plain(unit))).join('')}"`);

const space = fc.constantFrom('', '', '', ' ', '\n', '\t', '\r\n  ');

const bigNumber = fc.constantFrom('9007199254740993', '-0', '1e400', '123456789012345678901234567890', '0.1e-7');

const modelKey = fc.constantFrom(
  '"model"',
  '"model"',
  String.raw`"mo\u0064el"`,
  String.raw`"\u006D\u006f\u0064\u0065\u006c"`,
);

const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    stringText,
    bigNumber,
    fc.constantFrom('true', 'false', 'null', '[]', '{}', '"model"', '"}"', String.raw`"\\"`),
    fc.array(fc.tuple(space, tie('value')), { maxLength: 4 }).map((items) => `[${items.map(wrap).join(',')}]`),
    fc
      .array(fc.tuple(space, fc.oneof(modelKey, stringText), tie('value')), { maxLength: 4 })
      .map((members) => `{${members.map(([pad, key, text]) => `${pad}${key}${pad}:${wrap([pad, text])}`).join(',')}}`),
  ),
}));

const objectText = fc
  .array(fc.tuple(space, fc.oneof(modelKey, stringText), value), { minLength: 1, maxLength: 6 })
  .map((members) => `{${members.map(([pad, key, text]) => `${pad}${key}${pad}:${wrap([pad, text])}`).join(',')}}`);

const cuts = fc.array(fc.nat(2000), { maxLength: 5 });

describe('renaming the model', () => {
  it('changes the value of the last top-level model and nothing else', () => {
    const name = fc.string({ unit: 'binary', maxLength: 6 });
    fc.assert(
      fc.property(objectText, cuts, name, (text, at, newModel) => {
        holds(Buffer.from(text), at, newModel);
      }),
      { numRuns: RUNS },
    );
  });

  it('does so in bodies of a megabyte', () => {
    const filler = `"${'x"\\é🙂'.repeat(110_000).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
    fc.assert(
      fc.property(objectText, cuts, fc.boolean(), (text, at, first) => {
        const inner = text.slice(1, -1);
        const whole = first ? `{"filler":${filler},${inner}}` : `{${inner},"filler":${filler}}`;
        holds(Buffer.from(whole), [...at, 500_000, 1_000_000], 'new');
      }),
      { numRuns: 20 },
    );
  });

  it('takes bodies that are not quite JSON or UTF-8 as they came, or refuses them', () => {
    const parser = create(openaiParser);
    const damage = fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { minLength: 1, maxLength: 3 });
    let accepted = 0;
    fc.assert(
      fc.property(objectText, damage, cuts, (text, hits, at) => {
        const bytes = Buffer.from(`{"prompt":"hello",${text.slice(1)}`);
        for (const [place, byte] of hits) bytes[place % bytes.length] = byte;
        const pieces = cut(bytes, at);
        const before = Buffer.from(bytes);
        const body = parser.parse('/v1/completions', pieces, NO_HEADERS);
        if (body instanceof Rejection) {
          expect(body.code).toBe('BadRequest');
          return;
        }
        accepted++;
        expect(bytes.equals(before)).toBe(true);
        holds(bytes, at, 'new');
      }),
      { numRuns: RUNS },
    );
    expect(accepted).toBeGreaterThan(RUNS / 20);
  });

  it('leaves pieces the value is not in to themselves', () => {
    const pieces = ['{"a":1,', '"model":"ol', 'd-na', 'me","b":', '2}'].map((text) => Buffer.from(text));
    const renamed = renameModel(pieces, modelSpan(Buffer.concat(pieces))!, 'n"w');
    expect(Buffer.concat(renamed).toString()).toBe(String.raw`{"a":1,"model":"n\"w","b":2}`);
    expect(renamed[0]).toBe(pieces[0]);
    expect(renamed.at(-1)).toBe(pieces.at(-1));
  });

  it('makes no empty pieces where the value fills its piece', () => {
    const pieces = ['{"model":', '"old"', ',"b":2}'].map((text) => Buffer.from(text));
    const renamed = renameModel(pieces, modelSpan(Buffer.concat(pieces))!, 'new');
    expect(renamed.map((piece) => Buffer.from(piece).toString())).toEqual(['{"model":', '"new"', ',"b":2}']);
  });

  it('adds a model where there is none', () => {
    const pieces = ['', '{', '', '"prompt":"x"}'].map((text) => Buffer.from(text));
    const renamed = renameModel(pieces, modelSpan(Buffer.concat(pieces))!, 'new');
    expect(Buffer.concat(renamed).toString()).toBe('{"model":"new","prompt":"x"}');
  });
});

/** What has to be true of any renamed body that `JSON.parse` accepts. */
function holds(bytes: Buffer, at: readonly number[], newModel: string): void {
  const span = modelSpan(bytes)!;
  const renamed = Buffer.concat(renameModel(cut(bytes, at), span, newModel));
  expect(renamed.subarray(0, span.start).equals(bytes.subarray(0, span.start))).toBe(true);
  const rest = bytes.subarray(span.end);
  expect(renamed.subarray(renamed.length - rest.length).equals(rest)).toBe(true);
  const { model: was, ...before } = JSON.parse(bytes.toString()) as Record<string, unknown>;
  const { model, ...after } = JSON.parse(renamed.toString()) as Record<string, unknown>;
  expect(model).toBe(newModel.toWellFormed() === newModel ? newModel : model);
  expect(JSON.stringify(after)).toBe(JSON.stringify(before));
  const replaced = JSON.parse(bytes.subarray(span.start, span.end).toString() || 'null') as unknown;
  expect(JSON.stringify(replaced)).toBe(JSON.stringify(was ?? null));
}

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const places = [0, ...at.map((place) => Math.min(place, bytes.length)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
}

function wrap([pad, text]: readonly [string, string]): string {
  return `${pad}${text}${pad}`;
}

function escape(unit: string): string {
  return [...Array(unit.length).keys()].map((i) => `\\u${unit.charCodeAt(i).toString(16).padStart(4, '0')}`).join('');
}

function plain(unit: string): string {
  return JSON.stringify(unit).slice(1, -1);
}
