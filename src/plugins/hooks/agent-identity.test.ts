import { describe, expect, it } from 'vitest';
import * as v from 'valibot';
import { create, inferenceRequest, pluginContext } from '../../../test/kit/plugins.ts';
import { AGENT_IDENTITY_KEY } from '../../core/data.ts';
import type { Producer } from '../../core/kinds.ts';
import { DataBoard } from '../../scheduling/data-board.ts';
import { agentIdentity } from './agent-identity.ts';

/** Whose share a request with `headers` comes out of, and what other plugins are told. */
function identityOf(headers: Record<string, string>, parameters: object = {}): (string | undefined)[] {
  const board = new DataBoard();
  const plugin = create(agentIdentity, parameters, pluginContext({ name: 'agents' }, board)) as Partial<Producer> &
    ReturnType<typeof create>;
  const request = inferenceRequest({ headers: { get: (name) => headers[name] }, body: undefined });
  void plugin.produce?.(request, Uint32Array.of(0));
  return [plugin.fairnessId?.(request.headers), board.reader(AGENT_IDENTITY_KEY)(request)];
}

const ALL = {
  'x-claude-code-session-id': 'claude',
  'x-session-affinity': 'opencode',
  'session-id': 'codex',
  session_id: 'codex-old',
};

/** Contract 3.6, agent-identity. */
describe('agent-identity', () => {
  it('takes the first header that is there, in the order of the contract', () => {
    const left: Record<string, string> = { ...ALL };
    for (const [name, identity] of Object.entries(ALL)) {
      expect(identityOf(left)).toEqual([identity, identity]);
      delete left[name];
    }
    expect(identityOf(left)).toEqual([undefined, undefined]);
  });

  it('passes over empty ones', () => {
    expect(identityOf({ ...ALL, 'x-claude-code-session-id': '' })).toEqual(['opencode', 'opencode']);
  });

  it('takes headers of its own first, in their order', () => {
    const parameters = { additionalSessionHeaders: ['X-Mine', 'x-other'] };
    expect(identityOf({ ...ALL, 'x-mine': 'mine', 'x-other': 'other' }, parameters)[0]).toBe('mine');
    expect(identityOf({ ...ALL, 'x-other': 'other' }, parameters)[0]).toBe('other');
    expect(identityOf(ALL, parameters)[0]).toBe('claude');
  });

  it.each([
    [{ additionalSessionHeaders: 'x-mine' }, false],
    [{ additionalSessionHeaders: ['x mine'] }, false],
    [{ additionalSessionHeaders: [''] }, false],
    [{ additionalSessionHeaders: [] }, true],
    [{ headers: [] }, false],
  ])('checks %j', (parameters, accepted) => {
    expect(v.safeParse(agentIdentity.config, parameters).success).toBe(accepted);
  });
});
