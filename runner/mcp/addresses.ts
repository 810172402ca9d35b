import type { SessionId } from '../../src/protocol/common/ids.ts';
import { contextAddress, MAIN } from '../../src/protocol/context/address.ts';

/** Whose contexts a tool can name. */
export const TOOL_SCOPES = ['session', 'agent', 'global'] as const;
export type ToolScope = (typeof TOOL_SCOPES)[number];

/** Which context a call is about. Without a scope, a read finds the nearest value, and a write is for the session. */
export interface Which {
  scope?: ToolScope | undefined;
  name?: string | undefined;
}

/** The address of the context that a call is about. */
export function addressOf({ scope = 'session', name = MAIN }: Which, sessionId: SessionId, agentId: string): string {
  const session_id = scope === 'session' ? sessionId : null;
  const agent_id = scope === 'agent' ? agentId : null;
  return contextAddress({ scope, session_id, agent_id, name })!;
}

/** Whether it is the main context of the session, in which the tasks come together. */
export function isSessions({ scope = 'session', name = MAIN }: Which): boolean {
  return scope === 'session' && name === MAIN;
}

/** A context in words. */
export function nameOf({ scope = 'session', name = MAIN }: Which): string {
  const whose =
    { session: 'the session’s context', agent: 'this agent’s context', global: 'the workspace’s context' }[scope] ??
    'a temporary context';
  return name === MAIN ? whose : `${whose} ${name}`;
}
