import { describe, expect, it } from 'vitest';
import { type EventKind, type Phase, transition, violationText } from './transitions.ts';

const EVENTS: readonly EventKind[] = [
  'request-headers',
  'request-headers-end',
  'request-headers-unsupported',
  'request-body',
  'request-body-end',
  'request-trailers',
  'response-headers',
  'response-headers-end',
  'response-body',
  'response-body-end',
  'response-trailers',
  'observation',
  'nothing',
  'picked',
  'refused',
  'faulted',
  'half-close',
  'cancel',
  'break',
];

const VIOLATES = 'closed: end-error violate';
const LEFT = 'closed: end-disconnect close';
const GONE = 'closed: end-disconnect';
const BROKEN = 'closed: end-error';
const REFUSED = 'closed: refuse end-complete close';
const FAULTED = 'closed: refuse end-error close';

/** One column per event, in the order of `EVENTS`. */
const TABLE: Record<Phase, readonly string[]> = {
  idle: [
    'collecting: open',
    'deciding: open decide',
    'closed: refuse close',
    VIOLATES,
    VIOLATES,
    VIOLATES,
    'bypassed: pass-headers',
    'complete: pass-headers',
    VIOLATES,
    VIOLATES,
    VIOLATES,
    'closed: close',
    VIOLATES,
    'idle: ',
    'idle: ',
    'idle: ',
    LEFT,
    GONE,
    BROKEN,
  ],
  collecting: [
    VIOLATES,
    VIOLATES,
    VIOLATES,
    'collecting: hold',
    'deciding: hold decide',
    'deciding-trailers: decide',
    'bypassed: end-disconnect pass-headers',
    'complete: end-disconnect pass-headers',
    VIOLATES,
    VIOLATES,
    VIOLATES,
    VIOLATES,
    VIOLATES,
    'collecting: ',
    REFUSED,
    FAULTED,
    LEFT,
    GONE,
    BROKEN,
  ],
  deciding: [
    VIOLATES,
    VIOLATES,
    VIOLATES,
    VIOLATES,
    VIOLATES,
    VIOLATES,
    'bypassed: end-disconnect pass-headers',
    'complete: end-disconnect pass-headers',
    VIOLATES,
    VIOLATES,
    VIOLATES,
    VIOLATES,
    VIOLATES,
    'answered: answer-request',
    REFUSED,
    FAULTED,
    LEFT,
    GONE,
    BROKEN,
  ],
  'deciding-trailers': [
    VIOLATES,
    VIOLATES,
    VIOLATES,
    VIOLATES,
    VIOLATES,
    VIOLATES,
    'bypassed: end-disconnect pass-headers',
    'complete: end-disconnect pass-headers',
    VIOLATES,
    VIOLATES,
    VIOLATES,
    VIOLATES,
    VIOLATES,
    'answered: answer-request-trailers',
    REFUSED,
    FAULTED,
    LEFT,
    GONE,
    BROKEN,
  ],
  answered: [
    VIOLATES,
    VIOLATES,
    VIOLATES,
    VIOLATES,
    VIOLATES,
    VIOLATES,
    'responding: pass-headers',
    'complete: pass-headers end-complete',
    VIOLATES,
    VIOLATES,
    VIOLATES,
    VIOLATES,
    VIOLATES,
    'answered: ',
    'answered: ',
    'answered: ',
    LEFT,
    GONE,
    BROKEN,
  ],
  responding: [
    VIOLATES,
    VIOLATES,
    VIOLATES,
    VIOLATES,
    VIOLATES,
    VIOLATES,
    VIOLATES,
    VIOLATES,
    'responding: pass-body',
    'complete: pass-body end-complete',
    'complete: pass-trailers end-complete',
    VIOLATES,
    VIOLATES,
    'responding: ',
    'responding: ',
    'responding: ',
    LEFT,
    GONE,
    BROKEN,
  ],
  bypassed: [
    VIOLATES,
    VIOLATES,
    VIOLATES,
    'bypassed: ',
    'bypassed: ',
    'bypassed: ',
    VIOLATES,
    VIOLATES,
    'bypassed: pass-body',
    'complete: pass-body end-complete',
    'complete: pass-trailers end-complete',
    VIOLATES,
    VIOLATES,
    'bypassed: ',
    'bypassed: ',
    'bypassed: ',
    LEFT,
    GONE,
    BROKEN,
  ],
  complete: [...EVENTS.slice(0, 13).map(() => VIOLATES), 'complete: ', 'complete: ', 'complete: ', LEFT, GONE, BROKEN],
  closed: EVENTS.map(() => 'closed: '),
};

const PHASES: readonly Phase[] = [
  'idle',
  'collecting',
  'deciding',
  'deciding-trailers',
  'answered',
  'responding',
  'bypassed',
  'complete',
  'closed',
];

const rows = PHASES.flatMap((phase) =>
  EVENTS.map((event, column) => ({ phase, event, expected: TABLE[phase][column] })),
);

describe('transition', () => {
  it.each(rows)('$phase + $event -> $expected', ({ phase, event, expected }) => {
    const { next, actions } = transition(phase, event);
    expect(`${next}: ${actions.join(' ')}`).toBe(expected);
  });

  it('ends the exchange and the stream before anything else can happen in `closed`', () => {
    for (const { phase, event } of rows) {
      const { next, actions } = transition(phase, event);
      if (phase === 'closed' || next !== 'closed') continue;
      const ended = actions.some((action) => action.startsWith('end-'));
      expect(ended || phase === 'idle', `${phase} + ${event}`).toBe(true);
      const told = actions.includes('close') || actions.includes('violate');
      expect(told || event === 'cancel' || event === 'break', `${phase} + ${event}`).toBe(true);
    }
  });

  it('names message and phase in the text of a violation', () => {
    expect(violationText('deciding', 'request-body')).toBe('unexpected request-body message in phase deciding');
  });
});
