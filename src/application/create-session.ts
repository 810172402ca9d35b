import type { Call } from '../ports/calls.ts';
import type { Effects } from '../ports/effects.ts';
import type { Sessions } from '../ports/sessions.ts';
import { type Failure, type Outcome, refuse } from '../protocol/common/errors.ts';
import { IDEMPOTENCY_KEY_MS } from '../protocol/common/limits.ts';
import type { CreateSessionRequest } from '../protocol/session/requests.ts';
import type { SessionView } from '../protocol/session/session.ts';
import { type KeyUse, randomSessionId, sessionIdOfKey, type WorkspaceDigest } from './session-identity.ts';

/**
 * The id of a session derives from its idempotency key, the period and the number of the key's use in that period. On
 * the first day of a period, the previous period must be searched too. A longer period makes that rarer, but a key that
 * is used every day has more uses in it.
 */
const DAYS_IN_PERIOD = 10;
const PERIOD_MS = DAYS_IN_PERIOD * IDEMPOTENCY_KEY_MS;

export interface CreateSessionDependencies {
  sessions: Sessions;
  digest: WorkspaceDigest;
  effects: Effects;
}

/**
 * Creates a session under a new id. With an idempotency key, a repeat within a day gets the session as it is now; after
 * that, the key creates another session.
 *
 * No index of keys is needed, because ids derive from keys. The first use of a key costs one call of an object; on the
 * first day of a period, it costs two.
 */
export async function createSession(
  dependencies: CreateSessionDependencies,
  call: Call,
  request: CreateSessionRequest,
): Promise<Outcome<SessionView>> {
  const { sessions, effects } = dependencies;
  const { workspace } = call.principal;
  const { parent_session_id } = request;
  if (parent_session_id !== undefined) {
    const parent = await sessions.at(workspace, parent_session_id).read(call, []);
    // A repeated request gets its session also when the parent has been deleted since.
    if (!parent.ok && !(await isRepeated(dependencies, call))) return noParent(parent);
  }
  if (call.idempotency === null) {
    const id = randomSessionId(effects);
    return sessions.at(workspace, id).create(call, id, request);
  }
  const now = effects.now();
  const period = Math.floor(now / PERIOD_MS);
  if (now - period * PERIOD_MS < IDEMPOTENCY_KEY_MS) {
    const id = await recentSession(dependencies, call, now, period - 1);
    if (id) return sessions.at(workspace, id).create(call, id, request);
  }
  for (let index = 0; ; index++) {
    const { id, session } = await sessionOfUse(dependencies, call, { period, index });
    const outcome = await session.create(call, id, request);
    // Each use is at least a day after the previous one. This bound holds even if a clock was wrong.
    if (index === DAYS_IN_PERIOD || (outcome.ok && isRecent(outcome.value.created_at, now))) return outcome;
    const createdAt = await session.createdAt(call);
    if (!createdAt.ok) return createdAt;
    if (createdAt.value === null || isRecent(createdAt.value, now)) return outcome;
  }
}

/** Whether the call's key has created a session within the last day. */
async function isRepeated(dependencies: CreateSessionDependencies, call: Call): Promise<boolean> {
  if (call.idempotency === null) return false;
  const now = dependencies.effects.now();
  const period = Math.floor(now / PERIOD_MS);
  const recent = [period, period - 1].map((one) => recentSession(dependencies, call, now, one));
  return (await Promise.all(recent)).some((id) => id !== null);
}

function noParent({ failure }: { failure: Failure }): Outcome<never> {
  if (failure.code !== 'not_found') return { ok: false, failure };
  const errors = [{ path: 'parent_session_id', message: 'must be a session of this workspace' }];
  return refuse('validation_failed', 'There is no session with the id parent_session_id.', { errors });
}

/** The id of the session that the key created within the last day, in a period; null if there is none. */
async function recentSession(dependencies: CreateSessionDependencies, call: Call, now: number, period: number) {
  for (let index = 0; index <= DAYS_IN_PERIOD; index++) {
    const { id, session } = await sessionOfUse(dependencies, call, { period, index });
    const createdAt = await session.createdAt(call);
    if (!createdAt.ok || createdAt.value === null) return null;
    if (isRecent(createdAt.value, now)) return id;
  }
  return null;
}

async function sessionOfUse({ sessions, digest }: CreateSessionDependencies, call: Call, use: KeyUse) {
  const { workspace } = call.principal;
  const id = await sessionIdOfKey(digest, workspace, call.idempotency!.key, use);
  return { id, session: sessions.at(workspace, id) };
}

function isRecent(createdAt: string, now: number): boolean {
  return Date.parse(createdAt) > now - IDEMPOTENCY_KEY_MS;
}
