import { describe, expect, it } from 'vitest';
import { create } from '../../test/kit/plugins.ts';
import { openaiParser } from '../plugins/parsers/openai.ts';
import { passthroughParser } from '../plugins/parsers/passthrough.ts';
import { ParserChoice, requestPath } from './parser-choice.ts';

const openai = create(openaiParser);
const passthrough = create(passthroughParser);

describe('parser choice', () => {
  it.each([
    ['/v1/chat/completions', openai],
    ['/v1/completions', openai],
    ['/mount/v9/chat/completions', openai],
    ['/completions', openai],
    ['/v1/my-completions', passthrough],
    ['/v1/foo', passthrough],
    ['/', passthrough],
  ])('at %s', (path, expected) => {
    expect(new ParserChoice([openai, passthrough]).forPath(path)).toBe(expected);
  });

  it('finds nobody where nobody claims the path and there is no fallback', () => {
    expect(new ParserChoice([openai]).forPath('/v1/foo')).toBeUndefined();
  });

  it('prefers the longest claim, then the first listed', () => {
    const short = { paths: ['completions'], dialect: openai.dialect, parse: openai.parse };
    const long = { paths: ['chat/completions'], dialect: openai.dialect, parse: openai.parse };
    const choice = new ParserChoice([short, long, openai]);
    expect(choice.forPath('/v1/chat/completions')).toBe(long);
    expect(choice.forPath('/v1/completions')).toBe(short);
  });
});

describe('request path', () => {
  it.each([
    [{ ':path': '/v1/completions?x=1' }, '/v1/completions'],
    [{ ':path': '/v1/completions//' }, '/v1/completions'],
    [{ ':path': '/' }, '/'],
    [{ 'x-original-path': '/a', 'x-forwarded-path': '/b' }, '/a'],
    [{ 'x-forwarded-path': '/b' }, '/b'],
    [{}, '/v1/completions'],
  ])('of %j is %s', (headers: Record<string, string>, expected) => {
    expect(requestPath((name) => headers[name])).toBe(expected);
  });
});
