import type { Parser } from '../core/kinds.ts';

interface Claim {
  /** `/` and the claimed path. */
  readonly suffix: string;
  readonly parser: Parser;
}

/** Where a gateway may have put the path, first hit wins; the default is what the Go EPP assumes. */
const PATH_HEADERS = [':path', 'x-original-path', 'x-forwarded-path'] as const;
const DEFAULT_PATH = '/v1/completions';

/** The request's path without its query and trailing slashes. */
export function requestPath(header: (name: string) => string | undefined): string {
  for (const name of PATH_HEADERS) {
    const value = header(name);
    if (value !== undefined && value !== '') return trimPath(value);
  }
  return DEFAULT_PATH;
}

/**
 * Chooses the parser for a path: the longest claimed path that ends it on a segment boundary, the first listed among
 * equals, else the first parser that claims no path at all.
 */
export class ParserChoice {
  readonly #claims: readonly Claim[];
  readonly #fallback: Parser | undefined;

  constructor(parsers: readonly Parser[]) {
    this.#fallback = parsers.find(({ paths }) => paths.length === 0);
    this.#claims = parsers
      .flatMap((parser) => parser.paths.map((path) => ({ suffix: `/${path}`, parser })))
      .sort((a, b) => b.suffix.length - a.suffix.length);
  }

  /** Undefined when nobody claims the path and there is no fallback. */
  forPath(path: string): Parser | undefined {
    for (const { suffix, parser } of this.#claims) {
      if (path.endsWith(suffix)) return parser;
    }
    return this.#fallback;
  }
}

function trimPath(path: string): string {
  const query = path.indexOf('?');
  let end = query === -1 ? path.length : query;
  while (end > 1 && path[end - 1] === '/') end--;
  return path.slice(0, end);
}
