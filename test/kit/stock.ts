import {
  dataKey,
  INFLIGHT_LOAD,
  type InflightLoad,
  MEDIA_MATCH,
  type MediaMatch,
  PEER_ENDPOINT,
  PREFIX_MATCH,
  type PrefixMatch,
  TOKENIZED_PROMPT,
  UNCACHED_TOKENS,
} from '../../src/core/data.ts';
import type { EndpointView } from '../../src/core/endpoint.ts';
import type { InferenceRequest } from '../../src/core/request.ts';
import { topologyExtractor } from '../../src/plugins/extractors/topology.ts';
import { DataBoard } from '../../src/scheduling/data-board.ts';
import { create, pluginContext } from './plugins.ts';

/** What producers would say of a request; what is left out was never said. */
export interface Said {
  readonly match?: Partial<PrefixMatch> | undefined;
  readonly media?: MediaMatch | undefined;
  /** Tokens of the prompt. */
  readonly tokens?: number | undefined;
  /** Tokens that each slot would have to work on. */
  readonly uncached?: readonly number[] | undefined;
  /** Slot that the stage before picked. */
  readonly peer?: number | undefined;
}

/** A board with the data of every default producer on it, put there by hand. */
export interface Stock {
  readonly board: DataBoard;
  /** Live; nothing is in flight until a test writes it. */
  readonly load: InflightLoad;
  /** Says it of the request and returns the request. */
  tell(request: InferenceRequest, said: Said): InferenceRequest;
}

/** The stock of plugins over `endpoints`, whose labels tell the default extractor where they are. */
export function stock(endpoints?: EndpointView): Stock {
  const board = new DataBoard();
  const load = nothingInFlight();
  create(
    topologyExtractor,
    {},
    pluginContext({ name: topologyExtractor.type, ...(endpoints && { endpoints }) }, board),
  );
  board.share(dataKey(INFLIGHT_LOAD), load);
  return {
    board,
    load,
    tell(request, { match, media, tokens, uncached, peer }) {
      if (match !== undefined) {
        const whole = { blocksBySlot: new Uint32Array(0), totalBlocks: 10, blockTokens: 64, ...match };
        board.writer(dataKey(PREFIX_MATCH))(request, whole);
      }
      if (media !== undefined) board.writer(dataKey(MEDIA_MATCH))(request, media);
      if (tokens !== undefined) board.writer(dataKey(TOKENIZED_PROMPT))(request, { prompts: [], tokens, media: [] });
      if (uncached !== undefined) {
        board.writer(dataKey(UNCACHED_TOKENS))(request, { at: (slot) => uncached[slot] ?? 0 });
      }
      if (peer !== undefined) board.writer(dataKey(PEER_ENDPOINT))(request, peer);
      return request;
    },
  };
}

function nothingInFlight(): InflightLoad {
  return { requestsBySlot: new Float64Array(1024), tokensBySlot: new Float64Array(1024) };
}
