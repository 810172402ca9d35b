import type { Call } from '../../ports/calls.ts';
import type { LeaseKey } from '../../ports/lease-calls.ts';
import type { Sessions } from '../../ports/sessions.ts';
import { type Outcome, ok } from '../../protocol/common/errors.ts';
import { sessionOfTask } from '../../protocol/common/ids.ts';

/**
 * The call with the lease that it names, once the session has confirmed it; without one, the call as it is. Fails with
 * `stale_lease` if the caller does not hold it any more.
 */
export async function underLease(sessions: Sessions, call: Call, lease: LeaseKey | null): Promise<Outcome<Call>> {
  if (lease === null) return ok(call);
  const session_id = sessionOfTask(lease.task_id);
  const held = await sessions.at(call.principal.workspace, session_id).heldLease(call, lease);
  return held.ok ? ok({ ...call, lease: { ...lease, session_id, agent_id: held.value.agent_id } }) : held;
}
