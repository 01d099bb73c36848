import { type Attributes, type Context, trace, type Tracer } from '@opentelemetry/api';
import type { EndpointView } from '../core/endpoint.ts';
import type { DecisionRecord } from '../scheduling/decision.ts';

/** What turning a decision into spans needs. */
export interface DecisionSpanParts {
  readonly tracer: Tracer;
  readonly endpoints: EndpointView;
  /** Picker's clock to milliseconds since 1970. */
  readonly toEpochMs: (clockMs: number) => number;
}

/**
 * One profile's run as spans below `parent`: filters, scoring with a span for each scorer, and the pick. They are made
 * after the fact from the times that were noted, so that deciding itself knows nothing of tracing.
 * Names and attributes: contract `wire-protocol.md` 6.3.
 */
export function decisionSpans(parts: DecisionSpanParts, parent: Context, decision: DecisionRecord): void {
  const { request, scores, marks } = decision;
  const about = { 'gen_ai.request.model': request.targetModel, 'gen_ai.request.id': request.id };
  const span = (under: Context, name: string, from: number, to: number, attributes: Attributes): Context => {
    const made = parts.tracer.startSpan(name, { startTime: parts.toEpochMs(marks[from]), attributes }, under);
    made.end(parts.toEpochMs(marks[to]));
    return trace.setSpan(under, made);
  };
  const picked = marks.length - 1;
  const scored = picked - 1;
  const filtered = scored - scores.length;
  const profile = span(parent, 'run_scheduler_profile', 0, picked, {
    'llm_d.epp.scheduling.profile.name': decision.profile,
  });
  span(profile, 'filter_endpoints', 0, filtered, {
    'llm_d.epp.filter.candidate_endpoints': decision.candidates,
    'llm_d.epp.filter.filtered_endpoints': decision.remaining,
    ...about,
  });
  const scoring = span(profile, 'llm_d.epp.scoring', filtered, scored, {
    'llm_d.epp.scoring.scorer_count': scores.length,
    'llm_d.epp.scoring.candidate_endpoints': decision.remaining,
    ...about,
  });
  for (const [index, score] of scores.entries()) {
    span(scoring, `llm_d.epp.scorer.${score.type}`, filtered + index, filtered + index + 1, {
      'llm_d.epp.scorer.type': score.type,
      'llm_d.epp.scorer.name': score.scorer,
      'llm_d.epp.scorer.weight': score.weight,
      'llm_d.epp.scorer.candidate_endpoints': decision.remaining,
      'llm_d.epp.scorer.score.picked': score.value,
    });
  }
  span(profile, 'pick_endpoints', scored, picked, {
    'llm_d.epp.picker.candidate_endpoints': decision.remaining,
    'llm_d.epp.picker.top_endpoints': decision.picked.map((slot) => parts.endpoints.at(slot)?.hostPort ?? ''),
    'llm_d.epp.picker.top_scores': [...decision.totals],
    ...(decision.isTrial ? { 'pointsman.metrics_trial': true } : {}),
    ...about,
  });
}
