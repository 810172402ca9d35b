import type { Call } from '../ports/calls.ts';
import type { Effects } from '../ports/effects.ts';
import type { Sessions } from '../ports/sessions.ts';
import type { Outcome } from '../protocol/common/errors.ts';
import { IDEMPOTENCY_KEY_MS } from '../protocol/common/limits.ts';
import type { CreateSessionRequest } from '../protocol/session/requests.ts';
import type { SessionView } from '../protocol/session/session.ts';
import { type KeyUse, randomSessionId, sessionIdOfKey, type WorkspaceDigest } from './session-identity.ts';

/**
 * A key's sessions have ids that derive from the key and this period. A longer period needs the look into the period
 * before less often (on its first day), and lets a key that is used every day have more turns.
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
 * No index of keys is needed: the id derives from the key and the number of its use. The first use of a key is one call;
 * on the first day of a period it is two.
 */
export async function createSession(
  dependencies: CreateSessionDependencies,
  call: Call,
  request: CreateSessionRequest,
): Promise<Outcome<SessionView>> {
  const { sessions, effects } = dependencies;
  const { workspace } = call.principal;
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
  for (let turn = 0; ; turn++) {
    const { id, session } = await place(dependencies, call, { period, turn });
    const outcome = await session.create(call, id, request);
    // Each turn is a day later than the one before, so there are no more turns, whatever a wrong clock says.
    if (turn === DAYS_IN_PERIOD || (outcome.ok && isRecent(outcome.value.created_at, now))) return outcome;
    const createdAt = await session.createdAt(call);
    if (!createdAt.ok) return createdAt;
    if (createdAt.value === null || isRecent(createdAt.value, now)) return outcome;
  }
}

/** The id of the session that the key created within the last day, in a period; null if there is none. */
async function recentSession(dependencies: CreateSessionDependencies, call: Call, now: number, period: number) {
  for (let turn = 0; turn <= DAYS_IN_PERIOD; turn++) {
    const { id, session } = await place(dependencies, call, { period, turn });
    const createdAt = await session.createdAt(call);
    if (!createdAt.ok || createdAt.value === null) return null;
    if (isRecent(createdAt.value, now)) return id;
  }
  return null;
}

async function place({ sessions, digest }: CreateSessionDependencies, call: Call, use: KeyUse) {
  const { workspace } = call.principal;
  const id = await sessionIdOfKey(digest, workspace, call.idempotency!.key, use);
  return { id, session: sessions.at(workspace, id) };
}

function isRecent(createdAt: string, now: number): boolean {
  return Date.parse(createdAt) > now - IDEMPOTENCY_KEY_MS;
}
