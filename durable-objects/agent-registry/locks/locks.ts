import {
  decideLock,
  FREE,
  type Holder,
  isSameOwner,
  type LockAnswer,
  type LockEvent,
  type LockState,
  lockAt,
  nextLockDeadline,
} from '../../../src/domain/lock/lock.ts';
import type { Call } from '../../../src/ports/calls.ts';
import { type Acquired, type LockWait, lockWaitAt } from '../../../src/ports/locks.ts';
import { type Outcome, ok, refuse } from '../../../src/protocol/common/errors.ts';
import { MAX_LOCK_WAITERS, MAX_LOCKS, MAX_WAITERS_OF_LOCK } from '../../../src/protocol/common/limits.ts';
import type {
  AcquireLockRequest,
  HeldLock,
  LockView,
  ReleaseLockRequest,
  RenewLockRequest,
} from '../../../src/protocol/lock/lock.ts';
import type { Calls } from '../../kit/calls/calls.ts';
import type { ObjectSocket } from '../../kit/platform/platform.ts';
import type { SocketOpening } from '../../kit/platform/sockets.ts';
import type { ObjectKit } from '../../kit/runtime.ts';
import { instant } from '../../kit/text.ts';
import { DEADLINE } from '../config.ts';
import { LocksTable } from './locks-table.ts';
import { TurnSockets } from './turn-sockets.ts';

const FULL = refuse(
  'too_many_requests',
  `A workspace has at most ${MAX_LOCKS} locks and ${MAX_LOCK_WAITERS} waiters, ${MAX_WAITERS_OF_LOCK} of them for one lock. Try again later.`,
);

/**
 * The workspace's locks (`LocksApi`). They share nothing with agents and slots but the object. Every call decides by the
 * present time, so a lock that has expired is free even if the alarm is late.
 */
export class Locks {
  readonly #kit: ObjectKit;
  readonly #calls: Calls;
  readonly #table: LocksTable;
  readonly #sockets: TurnSockets;

  constructor(kit: ObjectKit, calls: Calls) {
    this.#kit = kit;
    this.#calls = calls;
    this.#table = new LocksTable(kit.store);
    this.#sockets = new TurnSockets(kit.store.platform);
  }

  acquireLock(call: Call, resource: string, request: AcquireLockRequest): Outcome<Acquired> {
    return this.#calls.answer('info', 'acquireLock', call, () =>
      this.#kit.store.create((): Outcome<Acquired> => {
        const answer = this.#apply(resource, this.#acquireEvent(call, request));
        if (answer.answer === 'granted') return ok({ state: 'held', lock: viewOf(resource, answer.holder) });
        if (answer.answer !== 'queued') return answer.answer === 'full' ? FULL : this.#refuseHeld(resource);
        const { waiter, place } = answer;
        const { owner, kept_until } = waiter;
        return ok({
          state: 'queued',
          place: { resource, owner, place, kept_until: instant(kept_until) },
          wait: { resource, ...waiter },
        });
      }),
    );
  }

  renewLock(call: Call, resource: string, { fencing_token, ttl_seconds }: RenewLockRequest): Outcome<HeldLock> {
    const { token_id } = call.principal;
    const ttl_ms = ttl_seconds === undefined ? null : ttl_seconds * 1_000;
    return this.#calls.answer('debug', 'renewLock', call, () => {
      const answer = this.#applyIfCreated(resource, { type: 'renew', token_id, fencing_token, ttl_ms });
      return answer.answer === 'renewed' ? ok(viewOf(resource, answer.holder)) : lost(resource, fencing_token);
    });
  }

  releaseLock(call: Call, resource: string, { fencing_token }: ReleaseLockRequest): Outcome<null> {
    const { token_id } = call.principal;
    return this.#calls.answer('info', 'releaseLock', call, () => {
      const { answer } = this.#applyIfCreated(resource, { type: 'release', token_id, fencing_token });
      return answer === 'released' ? ok(null) : lost(resource, fencing_token);
    });
  }

  readLock(call: Call, resource: string): Outcome<LockView> {
    return this.#calls.read('readLock', call, () => ok(this.#view(resource)));
  }

  /** Opens the socket of a waiter; null if the URL is no waiter's. */
  open(url: URL, tokenId: string): SocketOpening | null {
    const wait = lockWaitAt(url, tokenId);
    if (!wait) return null;
    return this.#sockets.opening(wait, (socket) => {
      // The turn may have come before the socket was open.
      if (this.#isTurnOf(wait)) this.#sockets.tellOn(socket);
    });
  }

  /** Handles the end of a waiter's socket. @returns false if the socket is no waiter's */
  closed(socket: ObjectSocket): boolean {
    const waiter = this.#sockets.waitOf(socket);
    if (!waiter) return false;
    if (this.#kit.store.created && this.#state(waiter.resource).queue.some(isSameOwner(waiter))) {
      this.#kit.store.transact(() => this.#apply(waiter.resource, { type: 'left', waiter }));
    }
    return true;
  }

  /** Whether a socket is a waiter's. It sends nothing. */
  has(socket: ObjectSocket): boolean {
    return this.#sockets.waitOf(socket) !== null;
  }

  /** The handler of the locks' deadline: ends locks and waits whose time is over. */
  expire(): void {
    for (const resource of this.#table.due(this.#now)) this.#apply(resource, { type: 'time' });
    const next = this.#table.nextDue();
    if (next !== null) this.#kit.deadlines.set(DEADLINE.locks, next);
  }

  #acquireEvent({ principal }: Call, { owner, ttl_seconds, wait_seconds }: AcquireLockRequest): LockEvent {
    return {
      type: 'acquire',
      by: { token_id: principal.token_id, owner },
      ttl_ms: ttl_seconds * 1_000,
      wait_ms: wait_seconds * 1_000,
      next_token: this.#table.nextToken(),
      room: {
        locks: this.#table.held(this.#now) < MAX_LOCKS,
        waiters: this.#table.waiting() < MAX_LOCK_WAITERS,
      },
    };
  }

  #applyIfCreated(resource: string, event: LockEvent): LockAnswer {
    const { store } = this.#kit;
    return store.created ? store.transact(() => this.#apply(resource, event)) : { answer: 'lost' };
  }

  /** Decides about an event, and stores the decision. Must run inside a transaction. */
  #apply(resource: string, event: LockEvent): LockAnswer {
    const before = this.#table.load(resource);
    const { state, answer, turn } = decideLock(before, event, this.#now);
    this.#table.save(resource, before, state);
    this.#lookAgainAt(nextLockDeadline(state));
    if (turn) this.#kit.store.afterCommit(() => this.#sockets.tell(resource, turn));
    return answer;
  }

  /** Does not move the deadline to a later time, so that a renewal writes one row. It then fires once for nothing. */
  #lookAgainAt(due: number | null): void {
    const { deadlines } = this.#kit;
    const set = deadlines.dueAt(DEADLINE.locks);
    if (due !== null && (set === null || due < set)) deadlines.set(DEADLINE.locks, due);
  }

  #isTurnOf(wait: LockWait): boolean {
    const { holder, queue } = this.#state(wait.resource);
    return holder === null && queue[0] !== undefined && isSameOwner(wait)(queue[0]);
  }

  #state(resource: string): LockState {
    return this.#kit.store.created ? lockAt(this.#table.load(resource), this.#now) : FREE;
  }

  #view(resource: string): LockView {
    const { holder, queue } = this.#state(resource);
    return { resource, holder: holder && viewOf(resource, holder), waiters: queue.map(({ owner }) => owner) };
  }

  #refuseHeld(resource: string): Outcome<never> {
    const current = this.#view(resource);
    const { holder, waiters } = current;
    const who = holder ? `${holder.owner} holds ${resource} until ${holder.expires_at}` : `${waiters[0]} is next`;
    return refuse('lock_held', `${who}. Send wait_seconds to wait in the queue.`, { current });
  }

  get #now(): number {
    return this.#kit.store.platform.now();
  }
}

function lost(resource: string, fencingToken: number): Outcome<never> {
  return refuse(
    'lock_lost',
    `You do not hold ${resource} with the fencing token ${fencingToken}. Stop the work that it protects.`,
  );
}

function viewOf(resource: string, { owner, fencing_token, ttl_ms, acquired_at, expires_at }: Holder): HeldLock {
  return {
    resource,
    owner,
    fencing_token,
    ttl_seconds: ttl_ms / 1_000,
    acquired_at: instant(acquired_at),
    expires_at: instant(expires_at),
  };
}
