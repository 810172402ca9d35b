import type { Effects } from '../ports/effects.ts';
import { type SessionId, sessionIdFrom, timeBytes, type WorkspaceId } from '../protocol/common/ids.ts';

/** HMAC-SHA-256 of `text` under the workspace's secret. */
export type WorkspaceDigest = (workspace: WorkspaceId, text: string) => Promise<Uint8Array>;

/** The id of a session that is created without an idempotency key: the time and random bytes. */
export function randomSessionId(effects: Effects): SessionId {
  return sessionIdFrom(timeBytes(effects.now()), effects.randomBytes(6));
}

/** A use of an idempotency key, which creates a session. Repeats within a day belong to the same use. */
export interface KeyUse {
  /** The number of the period in which the key is used. */
  period: number;
  /** The number of the use in its period, from 0. */
  index: number;
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
