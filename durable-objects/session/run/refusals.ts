import type { SessionParts } from '../parts.ts';

/** Connections that are counted one by one; the rest are counted together. */
const MAX_CONNECTIONS = 100;

/** Connections that were refused because they do not have the lease, in a row each. */
export class Refusals {
  readonly #parts: Pick<SessionParts, 'kit' | 'records'>;

  constructor(parts: Pick<SessionParts, 'kit' | 'records'>) {
    this.#parts = parts;
  }

  /** Counts a refusal; the first one of a connection is a line of the log. */
  count(task: number, epoch: number, connection: string): void {
    const { kit, records } = this.#parts;
    const { id } = records.session();
    const { known } = kit.store.row<{ known: number }>(`SELECT COUNT(*) AS known FROM refusals`)!;
    kit.store.transact(() => {
      const { count } = kit.store.row<{ count: number }>(
        `INSERT INTO refusals (task, epoch, connection, count) VALUES (?, ?, ?, 1)
         ON CONFLICT (task, epoch, connection) DO UPDATE SET count = count + 1 RETURNING count`,
        task,
        epoch,
        known < MAX_CONNECTIONS ? connection : 'others',
      )!;
      if (count > 1) return;
      kit.store.afterCommit(() => kit.store.platform.logger('warn', 'frames_refused', { session_id: id, epoch }));
    });
  }
}
