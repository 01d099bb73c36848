import type { MicroCase } from '../harness.ts';
import { authority } from './authority.ts';
import { codec } from './codec.ts';
import { decision, scorers } from './decision.ts';
import { exposition } from './exposition.ts';
import { prefixCredits, prefixIndex } from './prefix-index.ts';
import { prefixBytes, prefixHash, prefixMatch } from './prefix-match.ts';
import { request } from './request.ts';
import { requestJson } from './request-json.ts';
import { response } from './response.ts';
import { simulator } from './simulator.ts';

/** Every micro benchmark, in the order they run. */
export const MICRO_CASES: readonly MicroCase[] = [
  decision,
  scorers,
  request,
  requestJson,
  codec,
  response,
  exposition,
  prefixHash,
  prefixMatch,
  prefixBytes,
  prefixCredits,
  prefixIndex,
  authority,
  simulator,
];
