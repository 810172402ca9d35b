import type { AgentRegistries } from '../ports/agent-registry.ts';
import type { Call } from '../ports/calls.ts';
import type { Effects } from '../ports/effects.ts';
import type { Acquired, LockTurns } from '../ports/locks.ts';
import type { Outcome } from '../protocol/common/errors.ts';
import type { AcquireLockRequest } from '../protocol/lock/lock.ts';

interface Parts {
  agentRegistries: AgentRegistries;
  lockTurns: LockTurns;
  effects: Pick<Effects, 'now'>;
  /** Throws if the caller's token is no longer valid: a request can wait for longer than a revocation takes. */
  authenticateAgain(): Promise<unknown>;
}

/** A request asks the object so often at most. It needs two calls, and more if a turn has passed or a socket was lost. */
const MAX_CALLS = 5;

/**
 * Acquires a lock, and waits for it as long as the request says. The wait is held here, so that the object can sleep.
 * Each grant is the answer to a call, so that a lock is never granted to a caller that has gone.
 */
export async function acquireLock(
  { agentRegistries, lockTurns, effects, authenticateAgain }: Parts,
  call: Call,
  resource: string,
  request: AcquireLockRequest,
): Promise<Outcome<Acquired>> {
  const registry = agentRegistries.of(call.principal.workspace);
  const endsAt = effects.now() + request.wait_seconds * 1_000;
  let wait_seconds = request.wait_seconds;
  for (let calls = 1; ; calls++) {
    const acquired = await registry.acquireLock(call, resource, { ...request, wait_seconds });
    if (!acquired.ok || acquired.value.state === 'held' || calls === MAX_CALLS) return acquired;
    const leftMs = endsAt - effects.now();
    if (leftMs <= 0 || !(await lockTurns.next(call, acquired.value.wait, leftMs))) return acquired;
    await authenticateAgain();
    // Without a wait, the call would leave the queue.
    wait_seconds = Math.max(1, Math.ceil((endsAt - effects.now()) / 1_000));
  }
}
