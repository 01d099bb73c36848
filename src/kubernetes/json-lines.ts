import { ApiError } from './api-error.ts';

/** etcd takes no object above 1.5 MB; JSON can make it longer. */
const MAX_LINE_CHARS = 8 * 1024 * 1024;

/** The JSON values of a stream that has one a line, as they arrive. Throws `ApiError` for a line that is none. */
export async function* jsonLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    const text = rest + decoder.decode(chunk, { stream: true });
    let start = 0;
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
      if (end > start) yield parsed(text.slice(start, end));
      start = end + 1;
    }
    rest = text.slice(start);
    if (rest.length > MAX_LINE_CHARS) throw new ApiError('garbled', 'a watch event is longer than 8 MB');
  }
  if (rest.trim() !== '') yield parsed(rest);
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new ApiError('garbled', `a watch event is not JSON: ${line.slice(0, 80)}`);
  }
}
