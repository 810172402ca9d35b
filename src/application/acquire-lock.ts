import { LOCK_GRACE_MS } from '../domain/lock/lock.ts';
import type { AgentRegistries } from '../ports/agent-registry.ts';
import type { Call } from '../ports/calls.ts';
import type { Effects } from '../ports/effects.ts';
import type { Acquired, LockTurns } from '../ports/locks.ts';
import { type Outcome, ok } from '../protocol/common/errors.ts';
import type { AcquireLockRequest } from '../protocol/lock/lock.ts';

interface Parts {
  agentRegistries: AgentRegistries;
  lockTurns: LockTurns;
  effects: Pick<Effects, 'now'>;
}

/**
 * Acquires a lock, or waits until the caller should ask for it again. The wait is held here, so that the object can
 * sleep. A request that has waited is not answered with the lock, because its caller may have died meanwhile, which
 * nobody notices before the answer is sent.
 */
export async function acquireLock(
  { agentRegistries, lockTurns, effects }: Parts,
  call: Call,
  resource: string,
  request: AcquireLockRequest,
): Promise<Outcome<Acquired>> {
  const registry = agentRegistries.of(call.principal.workspace);
  const acquired = await registry.acquireLock(call, resource, request);
  if (!acquired.ok || acquired.value.state === 'held') return acquired;
  const { wait, place } = acquired.value;
  if (!(await lockTurns.next(call, wait, request.wait_seconds * 1_000))) return acquired;
  const kept_until = new Date(effects.now() + LOCK_GRACE_MS).toISOString();
  return ok({ state: 'queued', wait, place: { ...place, place: 1, kept_until } });
}
