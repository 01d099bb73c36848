import type { ByteSpan } from '../core/request.ts';

/**
 * The body with another model: the bytes of `span` give way to `newModel` as a JSON string, every other byte stays,
 * pieces the span does not touch by reference. An empty span, which stands after the opening brace of an object with
 * members but no model (see `json-span.ts`), gets the whole member.
 */
export function renameModel(pieces: readonly Uint8Array[], span: ByteSpan, newModel: string): readonly Uint8Array[] {
  const value = JSON.stringify(newModel);
  const replacement = Buffer.from(span.start === span.end ? `"model":${value},` : value, 'utf8');
  const renamed: Uint8Array[] = [];
  let placed = false;
  let offset = 0;
  for (const piece of pieces) {
    const from = Math.min(Math.max(span.start - offset, 0), piece.length);
    const to = Math.min(Math.max(span.end - offset, from), piece.length);
    const hit = !placed && from < piece.length;
    offset += piece.length;
    if (!hit && from === to) {
      renamed.push(piece);
      continue;
    }
    if (from > 0) renamed.push(piece.subarray(0, from));
    if (hit) renamed.push(replacement);
    if (to < piece.length) renamed.push(piece.subarray(to));
    placed = true;
  }
  return renamed;
}
