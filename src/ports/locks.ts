import type { Outcome } from '../protocol/common/errors.ts';
import type {
  AcquireLockRequest,
  HeldLock,
  LockPlace,
  LockView,
  ReleaseLockRequest,
  RenewLockRequest,
} from '../protocol/lock/lock.ts';
import type { Call } from './calls.ts';

/** A place in a lock's queue. Times are in ms since the epoch. */
export interface LockWait {
  resource: string;
  token_id: string;
  owner: string;
  kept_until: number;
}

export type Acquired = { state: 'held'; lock: HeldLock } | { state: 'queued'; place: LockPlace; wait: LockWait };

/** A workspace's locks. A call answers at once; `LockTurns` waits. */
export interface LocksApi {
  /** Acquires the lock. If it is not the caller's turn, keeps a place in the queue, unless it does not want to wait. */
  acquireLock(call: Call, resource: string, request: AcquireLockRequest): Promise<Outcome<Acquired>>;
  renewLock(call: Call, resource: string, request: RenewLockRequest): Promise<Outcome<HeldLock>>;
  releaseLock(call: Call, resource: string, request: ReleaseLockRequest): Promise<Outcome<null>>;
  readLock(call: Call, resource: string): Promise<Outcome<LockView>>;
}

/** Waits for locks outside of the object that has them. */
export interface LockTurns {
  /**
   * Waits until it is the waiter's turn.
   * @returns false if `ms` have passed before, or the object can no longer say
   */
  next(call: Call, wait: LockWait, ms: number): Promise<boolean>;
}

/** The address of the socket on which the object says that it is a waiter's turn. Only the Worker opens it. */
export function lockTurnPath({ resource, owner, kept_until }: Omit<LockWait, 'token_id'>): string {
  return `/locks/${encodeURIComponent(resource)}/turn?${new URLSearchParams({ owner, kept_until: String(kept_until) })}`;
}

/** The wait that an address of `lockTurnPath` names; null for any other address. */
export function lockWaitAt({ pathname, searchParams }: URL, token_id: string): LockWait | null {
  const [, resource] = /^\/locks\/([^/]+)\/turn$/.exec(pathname) ?? [];
  if (resource === undefined) return null;
  const [owner, keptUntil] = [searchParams.get('owner') ?? '', Number(searchParams.get('kept_until'))];
  return { resource: decodeURIComponent(resource), owner, token_id, kept_until: keptUntil };
}
