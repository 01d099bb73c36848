import { beforeEach, describe, expect, it } from 'vitest';
import { manualClock } from '../../../test/kit/clock.ts';
import { ApiError, errorOf } from '../../kubernetes/api-error.ts';
import { Connections } from './connections.ts';

let lines: string[];
let observed: string[];
let connections: Connections;
let kept = 3;
const clock = manualClock();

beforeEach(() => {
  kept = 3;
  lines = [];
  observed = [];
  const note = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  connections = new Connections({
    clock,
    log: { info: note('info'), warn: note('warn'), error: note('error') },
    observer: {
      failed: (resource, fault) => void observed.push(`${resource} ${fault}`),
      connected: (resource, is) => void observed.push(`${resource} ${is ? 1 : 0}`),
      forgot: (resource) => void observed.push(`${resource} gone`),
    },
    vital: ['pods', 'inferencepools'],
    kept: () => kept,
  });
});

const away = new ApiError('unreachable', 'API server https://k: connect ECONNREFUSED');

describe('connections', () => {
  it('tell an outage once, however many kinds of objects have it, and its end', () => {
    for (let i = 0; i < 3; i++) {
      connections.failed('pods', 'watch pods in namespace llm', away);
      connections.failed('inferencepools', 'watch inferencepools in namespace llm', away);
    }
    expect(lines).toEqual(['warn API server https://k: connect ECONNREFUSED; the last known 3 endpoints stay']);
    expect(connections.outages.map(({ resource }) => resource)).toEqual(['pods', 'inferencepools']);
    clock.advance(12_300);
    connections.connected('pods');
    expect(lines).toHaveLength(1);
    connections.connected('inferencepools');
    expect(lines.slice(1)).toEqual(['info the API server answers again after 12.3 s']);
    expect(connections.outages).toEqual([]);
    connections.failed('pods', 'watch pods in namespace llm', away);
    expect(lines).toHaveLength(3);
  });

  it('name each missing permission', () => {
    for (const verb of ['list', 'watch']) {
      const message = `pods is forbidden: User "u" cannot ${verb} resource "pods" in API group "" in the namespace "llm"`;
      connections.failed('pods', `${verb} pods in namespace llm`, errorOf(403, JSON.stringify({ message })));
    }
    expect(lines).toEqual([
      'error not allowed to list pods in namespace llm: 403 pods is forbidden: User "u" cannot list resource "pods" in API group "" in the namespace "llm"; the last known 3 endpoints stay',
      'error not allowed to watch pods in namespace llm: 403 pods is forbidden: User "u" cannot watch resource "pods" in API group "" in the namespace "llm"; the last known 3 endpoints stay',
    ]);
  });

  it('speak of endpoints only where some are kept, and where they are made of what is missing', () => {
    connections.failed('inferenceobjectives', 'list inferenceobjectives in namespace llm', errorOf(403, 'no'));
    kept = 0;
    connections.failed('pods', 'list pods in namespace llm', errorOf(403, 'no'));
    connections.failed('pods', 'list pods in namespace llm', away);
    expect(lines).toEqual([
      'error not allowed to list inferenceobjectives in namespace llm: 403 no',
      'error not allowed to list pods in namespace llm: 403 no',
      'warn API server https://k: connect ECONNREFUSED',
    ]);
  });

  it('say what is missing for a kind the server does not know, and for a token it does not know', () => {
    connections.failed('inferencepools', 'list inferencepools in namespace llm', errorOf(404, '404 page not found'));
    connections.failed('pods', 'list pods in namespace llm', errorOf(401, 'Unauthorized'));
    expect(lines).toEqual([
      'error cannot list inferencepools in namespace llm: the API server has no such kind, install its definition (CRD); the last known 3 endpoints stay',
      'error the API server does not know who we are: 401 Unauthorized; the last known 3 endpoints stay',
    ]);
  });

  it('count lost history, which is no outage', () => {
    connections.failed('pods', 'watch pods in namespace llm', errorOf(410, 'too old'));
    expect([observed, lines, connections.outages]).toEqual([['pods expired'], [], []]);
  });

  it('count every failure, and say whether a kind is followed', () => {
    connections.failed('pods', 'x', away);
    connections.failed('pods', 'x', away);
    connections.connected('pods');
    expect(observed).toEqual(['pods unreachable', 'pods 0', 'pods unreachable', 'pods 0', 'pods 1']);
  });

  it('do not fill the log of a server that fails in ever new words', () => {
    for (let i = 0; i < 100; i++) connections.failed('pods', 'x', new ApiError('server', `500 request ${i}`));
    expect(lines).toHaveLength(20);
  });

  it('forget a kind nobody follows any more', () => {
    connections.failed('pods', 'x', away);
    connections.forget('pods');
    expect([connections.outages, observed.at(-1)]).toEqual([[], 'pods gone']);
    connections.failed('pods', 'x', away);
    expect(lines).toHaveLength(2);
  });
});
