import { countValues, type JsonObject } from '../../domain/context/json.ts';
import type { Call } from '../../ports/calls.ts';
import type { Contexts } from '../../ports/contexts.ts';
import type { SessionId } from '../../protocol/common/ids.ts';
import { MAIN } from '../../protocol/context/address.ts';
import type { SessionView } from '../../protocol/session/session.ts';
import { contextOf } from './identity.ts';

/**
 * How much the main context of a session has. It is kept when the session ends, and when it has retired.
 * @returns null if there is none; undefined if it cannot be read
 */
export async function sessionContext(contexts: Contexts, call: Call, id: SessionId): Promise<SessionView['context']> {
  const owner = { scope: 'session', session_id: id, agent_id: null, name: MAIN } as const;
  const { home } = await contextOf(contexts, call, owner);
  const read = await home.read(call).catch(() => null);
  if (!read?.ok) return read?.failure.code === 'context_not_found' ? null : undefined;
  const { id: context_id, version, data, open_conflicts } = read.value;
  return { id: context_id, version, keys: countValues(data as JsonObject), open_conflicts };
}
