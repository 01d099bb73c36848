import { type Rejection, reject } from '../core/errors.ts';
import type { Headers } from '../core/headers.ts';
import type { InferenceBody } from '../core/request.ts';
import type { ModelRewrites } from '../datastore/rewrites.ts';
import { controlValue, MODEL_REWRITE } from './control-headers.ts';
import type { RequestRecorder } from './recorder.ts';

/** What choosing a model needs. */
export interface ModelParts {
  readonly rewrites: ModelRewrites;
  readonly recorder: Pick<RequestRecorder, 'rewritten'>;
}

/**
 * The model to ask the server for: what a rewrite rule says, else what the client's header says, else what the body
 * says. Only a body whose model can be edited is rewritten. Refuses where no model comes out, unless the body needs
 * none. Source: contract 2.5 and 3.1.
 */
export function targetModel(body: InferenceBody, headers: Headers, parts: ModelParts): string | Rejection {
  const target = rewrittenModel(body, headers, parts) ?? body.model;
  const optional = body.api === 'opaque' || body.modelOptional === true;
  return target === '' && !optional ? reject('BadRequest', 'model not found in request body') : target;
}

function rewrittenModel(body: InferenceBody, headers: Headers, { rewrites, recorder }: ModelParts): string | undefined {
  const { model } = body;
  const wanted = controlValue(headers, MODEL_REWRITE);
  // The span comes last, because finding it can take a pass over the body.
  if ((wanted === undefined && !rewrites.isFor(model)) || body.modelSpan === undefined) return undefined;
  const decision = rewrites.decide(model);
  if (decision === undefined) return wanted;
  recorder.rewritten(decision.rewrite, model, decision.model);
  return decision.model;
}
