import type { Call } from '../../src/ports/calls.ts';
import type { LeaseKey } from '../../src/ports/lease-calls.ts';
import { errorFields } from '../../src/ports/logger.ts';
import type { Outcome } from '../../src/protocol/common/errors.ts';
import { CLOSE } from '../../src/protocol/common/socket.ts';
import type { Principal } from '../../src/protocol/workspace/token.ts';
import type { DeadlineHandler } from '../kit/deadlines.ts';
import { withDeadline } from '../kit/delivery/outbound.ts';
import type { ObjectSocket } from '../kit/platform/platform.ts';
import { endSocket } from '../kit/platform/sockets.ts';
import type { ObjectKit } from '../kit/runtime.ts';

/** The lease under which a socket was opened, and whose it is. */
export interface WatcherLease extends LeaseKey {
  principal: Pick<Principal, 'workspace' | 'role' | 'token_id' | 'agent'>;
}

/** Asks the session whether the caller holds the lease. */
export type HeldLease = (call: Call, lease: LeaseKey) => Promise<Outcome<unknown>>;

const DEADLINE = 'watcher_leases';
/** How often the leases of watchers that get nothing are confirmed. */
const CONFIRM_EVERY_MS = 60_000;
const CONFIRM_MS = 5_000;
/** The close code of a peer that shall try again (RFC 6455 registry). */
const TRY_AGAIN = 1013;

/**
 * The leases under which agents watch. A watcher gets nothing before its session has confirmed its lease, and the socket
 * of a lost lease is closed: when there is something to send, or a minute later.
 */
export class WatcherLeases {
  readonly #kit: ObjectKit;
  readonly #held: HeldLease;
  readonly #sockets: () => ObjectSocket[];
  /** The questions that are under way. Watchers under the same lease share one. */
  readonly #asked = new Map<string, Promise<Outcome<unknown>>>();

  /** @param sockets the sockets of all watchers */
  constructor(kit: ObjectKit, held: HeldLease, sockets: () => ObjectSocket[]) {
    this.#kit = kit;
    this.#held = held;
    this.#sockets = sockets;
  }

  get deadlines(): Readonly<Record<string, DeadlineHandler>> {
    return { [DEADLINE]: { waitsFor: 'time', run: () => this.#confirmAll() } };
  }

  /** A watcher has come. */
  opened(socket: ObjectSocket): void {
    if (leaseOf(socket)) this.#kit.store.transact(() => this.#confirmLater());
  }

  /** Does `send` now for a watcher without a lease, and for another one once its session has confirmed the lease. */
  whenHeld(socket: ObjectSocket, send: () => void): void {
    const lease = leaseOf(socket);
    if (!lease) return send();
    this.#kit.store.platform.background(this.#confirm(socket, lease, send));
  }

  async #confirm(socket: ObjectSocket, lease: WatcherLease, send: () => void): Promise<void> {
    try {
      const held = await this.#ask(lease);
      if ((socket.attachment() as { closed?: boolean }).closed) return;
      if (held.ok) send();
      else endSocket(socket, CLOSE.lease_ended, held.failure.detail);
    } catch (error) {
      this.#kit.store.platform.logger('warn', 'lease_not_confirmed', errorFields(error));
      endSocket(socket, TRY_AGAIN, 'the lease cannot be confirmed now; try again');
    }
  }

  #ask({ principal, ...lease }: WatcherLease): Promise<Outcome<unknown>> {
    const key = JSON.stringify([principal, lease]);
    const call: Call = { principal, request_id: this.#kit.store.platform.uuid(), idempotency: null };
    const asked =
      this.#asked.get(key) ??
      withDeadline('the session', CONFIRM_MS, () => this.#held(call, lease)).finally(() => this.#asked.delete(key));
    this.#asked.set(key, asked);
    return asked;
  }

  #confirmAll(): void {
    const leased = this.#sockets().filter(leaseOf);
    if (leased.length === 0) return;
    this.#confirmLater();
    this.#kit.store.afterCommit(() => {
      for (const socket of leased) this.whenHeld(socket, () => {});
    });
  }

  #confirmLater(): void {
    const { deadlines, store } = this.#kit;
    deadlines.setIfUnset(DEADLINE, store.platform.now() + CONFIRM_EVERY_MS);
  }
}

function leaseOf(socket: ObjectSocket): WatcherLease | null {
  return (socket.attachment() as { lease: WatcherLease | null }).lease;
}
