import type { Effects } from '../ports/effects.ts';
import { type SessionId, sessionIdFrom, timeBytes, type WorkspaceId } from '../protocol/common/ids.ts';

/** HMAC-SHA-256 of `text` under the workspace's secret. */
export type WorkspaceDigest = (workspace: WorkspaceId, text: string) => Promise<Uint8Array>;

/** The id of a session that is created without an idempotency key: time and chance. */
export function randomSessionId(effects: Effects): SessionId {
  return sessionIdFrom(timeBytes(effects.now()), effects.randomBytes(6));
}

/** An idempotency key's use: the first one of a period has the turn 0, the first one after its day the turn 1. */
export interface KeyUse {
  /** The number of the period in which the key is used. */
  period: number;
  turn: number;
}

/** The id of a session that is created with an idempotency key: every isolate derives the same one. */
export async function sessionIdOfKey(
  digest: WorkspaceDigest,
  workspace: WorkspaceId,
  key: string,
  { period, turn }: KeyUse,
): Promise<SessionId> {
  const bytes = await digest(workspace, `${key}\n${period}\n${turn}`);
  return sessionIdFrom(bytes.slice(0, 6), bytes.slice(6, 12));
}
