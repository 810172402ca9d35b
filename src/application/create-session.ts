import type { Call } from '../ports/calls.ts';
import type { Effects } from '../ports/effects.ts';
import type { Sessions } from '../ports/sessions.ts';
import type { Workspaces } from '../ports/workspace.ts';
import { type Failure, type Outcome, ok, refuse } from '../protocol/common/errors.ts';
import type { SessionId } from '../protocol/common/ids.ts';
import type { CreateSessionRequest } from '../protocol/session/requests.ts';
import type { SessionView } from '../protocol/session/session.ts';
import { type Creation, createOnce, isRepeated, type WorkspaceDigest } from './create-once.ts';
import { randomSessionId, sessionIdOfKey } from './session-identity.ts';
import { ownTemplates } from './templates.ts';

export interface CreateSessionDependencies {
  sessions: Sessions;
  workspaces: Workspaces;
  digest: WorkspaceDigest;
  effects: Effects;
}

/**
 * Creates a session under a new id. With an idempotency key, a repeat within a day gets the session as it is now; after
 * that, the key creates another session. See `createOnce`.
 */
export async function createSession(
  dependencies: CreateSessionDependencies,
  call: Call,
  request: CreateSessionRequest,
): Promise<Outcome<SessionView>> {
  const { sessions, digest, effects } = dependencies;
  const own = request.plan === 'none' ? ok([]) : await ownTemplates(dependencies, call);
  if (!own.ok) return own;
  const { workspace } = call.principal;
  const creation: Creation<SessionId, SessionView> = {
    randomId: () => randomSessionId(effects),
    idOfUse: (use) => sessionIdOfKey(digest, workspace, call.idempotency!.key, use),
    create: (id) => sessions.at(workspace, id).create(call, id, request, own.value),
    createdAt: (id) => sessions.at(workspace, id).createdAt(call),
  };
  const { parent_session_id } = request;
  if (parent_session_id !== undefined) {
    const parent = await sessions.at(workspace, parent_session_id).read(call, []);
    // A repeated request gets its session also when the parent has been deleted since.
    if (!parent.ok && !(await isRepeated(creation, call, effects))) return noParent(parent);
  }
  return createOnce(creation, call, effects);
}

function noParent({ failure }: { failure: Failure }): Outcome<never> {
  if (failure.code !== 'not_found') return { ok: false, failure };
  const errors = [{ path: 'parent_session_id', message: 'must be a session of this workspace' }];
  return refuse('validation_failed', 'There is no session with the id parent_session_id.', { errors });
}
