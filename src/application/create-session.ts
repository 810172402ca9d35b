import type { Call } from '../ports/calls.ts';
import type { Effects } from '../ports/effects.ts';
import type { Sessions } from '../ports/sessions.ts';
import type { Outcome } from '../protocol/common/errors.ts';
import type { CreateSessionRequest } from '../protocol/session/requests.ts';
import type { SessionView } from '../protocol/session/session.ts';
import { newSessionId, type WorkspaceDigest } from './session-identity.ts';

export interface CreateSessionDependencies {
  sessions: Sessions;
  digest: WorkspaceDigest;
  effects: Effects;
}

/** Creates a session under a new id. For a repeated idempotency key, returns the session as it is now. */
export async function createSession(
  { sessions, digest, effects }: CreateSessionDependencies,
  call: Call,
  request: CreateSessionRequest,
): Promise<Outcome<SessionView>> {
  const { workspace } = call.principal;
  const id = await newSessionId(workspace, call.idempotency?.key ?? null, digest, effects);
  return sessions.at(workspace, id).create(call, id, request);
}
