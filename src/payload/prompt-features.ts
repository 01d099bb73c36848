import type { MediaItem, TokenizedPrompt } from '../core/prompt.ts';
import { isJsonObject, type JsonObject } from './json-object.ts';
import { BYTES_PER_TOKEN, mediaMark, promptOf, tokenBytes } from './prompt-bytes.ts';

/** Media among token ids: where it stands and what it is. Offset and length in tokens. */
export interface Placeholder {
  readonly modality: string;
  readonly hash: string;
  readonly offset: number;
  readonly length: number;
}

/**
 * A prompt of token ids. Engines put the same ids in place of every picture, so each placeholder gives way to copies of
 * a word made of its hash: otherwise two prompts that differ in their pictures would look like one.
 */
export function promptOfIds(ids: readonly number[], placeholders: readonly Placeholder[] = []): TokenizedPrompt {
  const bytes = tokenBytes(ids);
  for (const { hash, offset, length } of placeholders) {
    const from = Math.min(offset, ids.length) * BYTES_PER_TOKEN;
    const to = Math.min(offset + length, ids.length) * BYTES_PER_TOKEN;
    bytes.fill(mediaMark(hash).word, from, to);
  }
  const media = placeholders.flatMap(({ modality, hash }) => (isModality(modality) ? [{ modality, hash }] : []));
  return media.length === 0 ? promptOf([bytes]) : promptOf([bytes], media);
}

/**
 * The media that vLLM tells of beside token ids, in the order of the prompt: `mm_hashes` and `mm_placeholders`, lists by
 * modality that belong together item by item. What is not like that is left out. Source: `model-servers.md` 3.4.
 */
export function readPlaceholders(features: unknown): readonly Placeholder[] {
  if (!isJsonObject(features)) return [];
  const { mm_hashes: hashes, mm_placeholders: places } = features;
  if (!isJsonObject(hashes) || !isJsonObject(places)) return [];
  const found = Object.keys(hashes).flatMap((modality) => ofModality(modality, hashes, places));
  return found.sort((a, b) => a.offset - b.offset);
}

function ofModality(modality: string, hashes: JsonObject, places: JsonObject): readonly Placeholder[] {
  const names: unknown = hashes[modality];
  const ranges: unknown = Object.hasOwn(places, modality) ? places[modality] : undefined;
  if (!Array.isArray(names) || !Array.isArray(ranges)) return [];
  return ranges.flatMap((range: unknown, i) => {
    const hash: unknown = names[i];
    const { offset, length } = isJsonObject(range) ? range : {};
    return typeof hash === 'string' && isCount(offset) && isCount(length) ? [{ modality, hash, offset, length }] : [];
  });
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isModality(name: string): name is MediaItem['modality'] {
  return name === 'image' || name === 'video' || name === 'audio';
}
