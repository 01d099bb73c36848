import * as v from 'valibot';
import { AGENT_IDENTITY_KEY } from '../../core/data.ts';
import type { Headers } from '../../core/headers.ts';
import { definePlugin } from '../../core/plugin.ts';
import { headerName } from '../../lib/header-name.ts';

/** Headers agents name their session in: Claude Code, OpenCode, Codex and Codex before 0.131. Source: contract 3.6. */
const KNOWN_HEADERS = ['x-claude-code-session-id', 'x-session-affinity', 'session-id', 'session_id'];

/**
 * Takes the first of the headers that is there for the agent's identity: whose fair share a request comes out of when
 * its own header does not say, and a session for plugins that keep sessions together.
 */
export const agentIdentity = definePlugin({
  kind: 'hook',
  also: ['producer'],
  type: 'agent-identity',
  stability: 'alpha',
  summary: 'Knows agents by their session headers, for fair shares and session affinity.',
  config: v.strictObject({
    additionalSessionHeaders: v.optional(
      v.pipe(v.array(headerName), v.description(`Headers looked at before ${KNOWN_HEADERS.join(', ')}.`)),
      [],
    ),
  }),
  produces: () => [AGENT_IDENTITY_KEY],
  create({ additionalSessionHeaders }, context) {
    const names = [...additionalSessionHeaders, ...KNOWN_HEADERS];
    const publish = context.write(AGENT_IDENTITY_KEY);
    const identityOf = (headers: Headers): string | undefined => {
      for (const name of names) {
        const value = headers.get(name);
        if (value !== undefined && value !== '') return value;
      }
      return undefined;
    };
    return {
      fairnessId: identityOf,
      produce(request) {
        const identity = identityOf(request.headers);
        if (identity !== undefined) publish(request, identity);
      },
    };
  },
});
