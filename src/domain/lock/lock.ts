import { MAX_WAITERS_OF_LOCK } from '../../protocol/common/limits.ts';

/** The rules of a lock: who holds it, and whose turn is next. Times are in ms since the epoch. */

/**
 * How long a place is kept for a waiter that is not there: between two of its requests, after it has vanished, and
 * while the lock is free for it. Only a caller that asks is granted a lock, so a dead waiter never gets it.
 */
export const LOCK_GRACE_MS = 5_000;

/** A token, and the text by which its programs differ. */
export interface LockOwner {
  token_id: string;
  owner: string;
}

export interface Holder extends LockOwner {
  fencing_token: number;
  ttl_ms: number;
  acquired_at: number;
  expires_at: number;
}

export interface Waiter extends LockOwner {
  /** The waiter loses its place at this time, unless it asks again. It also tells one request of it from the next. */
  kept_until: number;
}

export interface LockState {
  holder: Holder | null;
  /** In the order of arrival. */
  queue: readonly Waiter[];
}

export const FREE: LockState = { holder: null, queue: [] };

/** A call for the lock, which waits for `wait_ms` if it must. */
export interface AcquireEvent {
  type: 'acquire';
  by: LockOwner;
  ttl_ms: number;
  wait_ms: number;
  /** The fencing token of the next grant. It must be higher than those of all earlier grants. */
  next_token: number;
  /** Whether the workspace may have another lock, and another waiter. */
  room: { locks: boolean; waiters: boolean };
}

export type LockEvent =
  | AcquireEvent
  /** Without a TTL, the lock's own. */
  | { type: 'renew'; token_id: string; fencing_token: number; ttl_ms: number | null }
  | { type: 'release'; token_id: string; fencing_token: number }
  /** The connection on which a waiter waited has closed. */
  | { type: 'left'; waiter: Waiter }
  /** Time has passed. */
  | { type: 'time' };

export type LockAnswer =
  | { answer: 'granted' | 'renewed'; holder: Holder }
  | { answer: 'queued'; waiter: Waiter; place: number }
  /** Somebody else holds the lock or is next, and the caller does not wait. */
  | { answer: 'held' }
  /** The workspace has no room for another lock, or the queue none for another waiter. */
  | { answer: 'full' }
  | { answer: 'released' | 'lost' | 'nothing' };

export interface LockDecision {
  state: LockState;
  answer: LockAnswer;
  /** The waiter for which the lock is free. It must ask within `LOCK_GRACE_MS`. */
  turn: Waiter | null;
}

/**
 * Decides about one event of a lock.
 *
 * Only a call grants, and only while nobody holds the lock; so a clock that steps can end a lock early or late, but
 * never makes two holders. The first waiter is told that it is its turn, and then calls.
 */
export function decideLock(before: LockState, event: LockEvent, now: number): LockDecision {
  const [after, answer] = apply(lockAt(before, now), event, now);
  const state = lockAt(after, now);
  return { state, answer, turn: state.holder === null ? (state.queue[0] ?? null) : null };
}

/** The lock at a time: without a holder that has expired, and with waiters that are still expected. */
export function lockAt({ holder, queue }: LockState, now: number): LockState {
  const present = queue.filter(({ kept_until }) => kept_until > now);
  if (holder && holder.expires_at > now) return { holder, queue: present };
  return { holder: null, queue: present.map((waiter, index) => (index === 0 ? expected(waiter, now) : waiter)) };
}

/** When time alone changes the lock next; null for never. */
export function nextLockDeadline({ holder, queue }: LockState): number | null {
  const times = [...(holder ? [holder.expires_at] : []), ...queue.map(({ kept_until }) => kept_until)];
  return times.length === 0 ? null : Math.min(...times);
}

export function isSameOwner(one: LockOwner): (other: LockOwner) => boolean {
  return ({ token_id, owner }) => token_id === one.token_id && owner === one.owner;
}

function apply(lock: LockState, event: LockEvent, now: number): [LockState, LockAnswer] {
  const { holder, queue } = lock;
  switch (event.type) {
    case 'acquire':
      return acquire(lock, event, now);
    case 'renew': {
      if (!holder || !isHeldWith(holder, event)) return [lock, { answer: 'lost' }];
      const renewed = extended(holder, event.ttl_ms ?? holder.ttl_ms, now);
      return [
        { holder: renewed, queue },
        { answer: 'renewed', holder: renewed },
      ];
    }
    case 'release':
      if (!holder || !isHeldWith(holder, event)) return [lock, { answer: 'lost' }];
      return [{ holder: null, queue }, { answer: 'released' }];
    case 'left': {
      const { waiter } = event;
      const isHere = isSameOwner(waiter);
      // If the waiter has asked again meanwhile, it waits on a newer connection.
      const left = (known: Waiter) => isHere(known) && known.kept_until === waiter.kept_until;
      const kept = queue.map((known) => (left(known) ? expected(known, now) : known));
      return [{ holder, queue: kept }, { answer: 'nothing' }];
    }
    case 'time':
      return [lock, { answer: 'nothing' }];
  }
}

function acquire(
  { holder, queue }: LockState,
  { by, ttl_ms, wait_ms, next_token, room }: AcquireEvent,
  now: number,
): [LockState, LockAnswer] {
  const isCaller = isSameOwner(by);
  const others = queue.filter((waiter) => !isCaller(waiter));
  if (holder && isCaller(holder)) {
    const renewed = extended(holder, ttl_ms, now);
    return [
      { holder: renewed, queue: others },
      { answer: 'granted', holder: renewed },
    ];
  }
  const index = queue.findIndex(isCaller);
  const isNext = !holder && (index === 0 || queue.length === 0);
  if (isNext && room.locks) {
    const granted: Holder = { ...by, fencing_token: next_token, ttl_ms, acquired_at: now, expires_at: now + ttl_ms };
    return [
      { holder: granted, queue: others },
      { answer: 'granted', holder: granted },
    ];
  }
  if (wait_ms === 0) return [{ holder, queue: others }, { answer: isNext ? 'full' : 'held' }];
  const isNew = index < 0;
  if (isNext || (isNew && (!room.waiters || queue.length >= MAX_WAITERS_OF_LOCK))) {
    return [{ holder, queue }, { answer: 'full' }];
  }
  const waiter: Waiter = { ...by, kept_until: now + wait_ms + LOCK_GRACE_MS };
  const waiting = isNew ? [...queue, waiter] : queue.with(index, waiter);
  return [
    { holder, queue: waiting },
    { answer: 'queued', waiter, place: isNew ? waiting.length : index + 1 },
  ];
}

function isHeldWith(holder: Holder, { token_id, fencing_token }: { token_id: string; fencing_token: number }): boolean {
  return holder.token_id === token_id && holder.fencing_token === fencing_token;
}

function extended(holder: Holder, ttl_ms: number, now: number): Holder {
  return { ...holder, ttl_ms, expires_at: now + ttl_ms };
}

/** The waiter, whose place is kept only for the grace from now. */
function expected(waiter: Waiter, now: number): Waiter {
  const latest = now + LOCK_GRACE_MS;
  return waiter.kept_until <= latest ? waiter : { ...waiter, kept_until: latest };
}
