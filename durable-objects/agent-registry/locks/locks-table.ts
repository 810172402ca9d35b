import { type Holder, isSameOwner, type LockState, type Waiter } from '../../../src/domain/lock/lock.ts';
import { insertOrReplace } from '../../kit/storage/insert-or-replace.ts';
import type { ObjectStore } from '../../kit/storage/store.ts';

/** The stored locks. A free lock without waiters has no row. Methods that write must run inside a transaction. */
export class LocksTable {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  load(resource: string): LockState {
    const holder = this.#store.row<Holder>(
      `SELECT token_id, owner, fencing_token, ttl_ms, acquired_at, expires_at FROM locks WHERE resource = ?`,
      resource,
    );
    const queue = this.#store.rows<Waiter>(
      `SELECT token_id, owner, kept_until FROM lock_waiters WHERE resource = ? ORDER BY arrival`,
      resource,
    );
    return { holder: holder ?? null, queue };
  }

  /** Writes what differs. */
  save(resource: string, before: LockState, after: LockState): void {
    if (after.holder !== before.holder) this.#saveHolder(resource, before.holder, after.holder);
    for (const waiter of before.queue) {
      if (!after.queue.some(isSameOwner(waiter))) this.#removeWaiter(resource, waiter);
    }
    for (const waiter of after.queue) {
      const known = before.queue.find(isSameOwner(waiter));
      if (!known) this.#addWaiter(resource, waiter);
      else if (known.kept_until !== waiter.kept_until) this.#keepWaiter(resource, waiter);
    }
  }

  /** The fencing token of the next grant. All locks count together, so that a lock can be forgotten when it is free. */
  nextToken(): number {
    return (this.#store.row<{ last: number }>(`SELECT last FROM fencing_tokens`)?.last ?? 0) + 1;
  }

  /** The number of locks that are held. */
  held(now: number): number {
    return this.#store.row<{ n: number }>(`SELECT COUNT(*) AS n FROM locks WHERE expires_at > ?`, now)!.n;
  }

  waiting(): number {
    return this.#store.row<{ n: number }>(`SELECT COUNT(*) AS n FROM lock_waiters`)!.n;
  }

  /** The locks that time alone changes. */
  due(now: number): string[] {
    const rows = this.#store.rows<{ resource: string }>(
      `SELECT resource FROM locks WHERE expires_at <= ? UNION SELECT resource FROM lock_waiters WHERE kept_until <= ?`,
      now,
      now,
    );
    return rows.map(({ resource }) => resource);
  }

  /** When time alone changes a lock next; null for never. */
  nextDue(): number | null {
    return this.#store.row<{ due: number | null }>(
      `SELECT MIN(due) AS due FROM (SELECT MIN(expires_at) AS due FROM locks UNION ALL SELECT MIN(kept_until) FROM lock_waiters)`,
    )!.due;
  }

  #saveHolder(resource: string, before: Holder | null, holder: Holder | null): void {
    if (holder === null) this.#store.rows(`DELETE FROM locks WHERE resource = ?`, resource);
    else insertOrReplace(this.#store, 'locks', { resource, ...holder });
    if (holder === null || holder.fencing_token === before?.fencing_token) return;
    insertOrReplace(this.#store, 'fencing_tokens', { one: 1, last: holder.fencing_token });
  }

  #addWaiter(resource: string, { token_id, owner, kept_until }: Waiter): void {
    this.#store.rows(
      `INSERT INTO lock_waiters (resource, token_id, owner, kept_until) VALUES (?, ?, ?, ?)`,
      resource,
      token_id,
      owner,
      kept_until,
    );
  }

  #keepWaiter(resource: string, { token_id, owner, kept_until }: Waiter): void {
    this.#store.rows(
      `UPDATE lock_waiters SET kept_until = ? WHERE resource = ? AND token_id = ? AND owner = ?`,
      kept_until,
      resource,
      token_id,
      owner,
    );
  }

  #removeWaiter(resource: string, { token_id, owner }: Waiter): void {
    this.#store.rows(
      `DELETE FROM lock_waiters WHERE resource = ? AND token_id = ? AND owner = ?`,
      resource,
      token_id,
      owner,
    );
  }
}
