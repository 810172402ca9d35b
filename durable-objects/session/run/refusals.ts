import type { SessionParts } from '../parts.ts';

/** The number of connections that are counted separately. The rest are counted together. */
const MAX_CONNECTIONS = 100;

/** Counts refused frames of connections that do not have the lease, with one row for each connection. */
export class Refusals {
  readonly #parts: Pick<SessionParts, 'kit' | 'records'>;

  constructor(parts: Pick<SessionParts, 'kit' | 'records'>) {
    this.#parts = parts;
  }

  /** Counts a refusal. The first refusal of a connection is logged. */
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
