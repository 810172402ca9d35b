import type { Effects } from '../ports/effects.ts';
import { type SessionId, sessionIdFrom, timeBytes, type WorkspaceId } from '../protocol/common/ids.ts';
import type { KeyUse, WorkspaceDigest } from './create-once.ts';

/** The id of a session that is created without an idempotency key: the time and random bytes. */
export function randomSessionId(effects: Effects): SessionId {
  return sessionIdFrom(timeBytes(effects.now()), effects.randomBytes(6));
}

/** The id of a session that is created with an idempotency key. Every isolate derives the same id. */
export async function sessionIdOfKey(
  digest: WorkspaceDigest,
  workspace: WorkspaceId,
  key: string,
  { period, index }: KeyUse,
): Promise<SessionId> {
  const bytes = await digest(workspace, `${key}\n${period}\n${index}`);
  return sessionIdFrom(bytes.slice(0, 6), bytes.slice(6, 12));
}
