import type { Effects } from '../ports/effects.ts';
import { type SessionId, sessionIdFrom, timeBytes, type WorkspaceId } from '../protocol/common/ids.ts';

/** HMAC-SHA-256 of `text` under the workspace's secret. */
export type WorkspaceDigest = (workspace: WorkspaceId, text: string) => Promise<Uint8Array>;

/**
 * The id for a new session. With an idempotency key, the id is derived from the key, so that a repeated request reaches
 * the same object from anywhere. Without a key, the id is random.
 */
export async function newSessionId(
  workspace: WorkspaceId,
  idempotencyKey: string | null,
  digest: WorkspaceDigest,
  effects: Effects,
): Promise<SessionId> {
  if (idempotencyKey === null) return sessionIdFrom(timeBytes(effects.now()), effects.randomBytes(6));
  const bytes = await digest(workspace, idempotencyKey);
  return sessionIdFrom(bytes.slice(0, 6), bytes.slice(6, 12));
}
