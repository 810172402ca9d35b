import type { Call } from '../../src/ports/calls.ts';
import type { NewContext } from '../../src/ports/contexts.ts';
import { type Outcome, refuse } from '../../src/protocol/common/errors.ts';
import type { ObjectStore } from '../kit/storage/store.ts';

/**
 * The newest lease of each task that has written to a context of its session. The session confirms a lease before each
 * write; what arrives late from an older one, after the next has written, is refused here. Each method is part of the
 * write's transaction.
 */
export class Fences {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /** Refuses the write of a call under an older lease; null if it may go on. */
  whyLate({ lease }: Call, { session_id }: NewContext): Outcome<never> | null {
    if (!lease || lease.session_id !== session_id || this.#newest(lease.task_id) <= lease.epoch) return null;
    const detail = `A newer lease of the task has written already. Stop the work that was done under epoch ${lease.epoch}.`;
    return refuse('stale_lease', detail);
  }

  /** Notes the lease of a write. */
  note({ lease }: Call, { session_id }: NewContext): void {
    if (!lease || lease.session_id !== session_id || this.#newest(lease.task_id) === lease.epoch) return;
    this.#store.rows(
      `INSERT INTO fences (task_id, epoch) VALUES (?, ?) ON CONFLICT (task_id) DO UPDATE SET epoch = excluded.epoch`,
      ...[lease.task_id, lease.epoch],
    );
  }

  #newest(task_id: string): number {
    return this.#store.row<{ epoch: number }>(`SELECT epoch FROM fences WHERE task_id = ?`, task_id)?.epoch ?? 0;
  }
}
