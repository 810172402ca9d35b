import type { SlotRequest } from '../../../src/ports/agent-registry.ts';
import { SessionPriority } from '../../../src/protocol/common/enums.ts';
import type { SessionId, TaskId } from '../../../src/protocol/common/ids.ts';
import type { Requirements } from '../../../src/protocol/session/requirements.ts';
import type { ObjectStore } from '../../kit/store.ts';

/** What names a slot. */
export interface SlotKey {
  task_id: TaskId;
  epoch: number;
}

export interface Slot extends SlotKey {
  session_id: SessionId;
  state: 'queued' | 'offered' | 'accepted';
  agent_id: string | null;
  requirements: Requirements;
  /** Agents that declined it or let an offer lapse, and until when it is not offered to them again (ms). */
  declined: Record<string, { count: number; until: number }>;
}

type SlotRow = Omit<Slot, 'requirements' | 'declined'> & { requirements: string; declined: string };

const COLUMNS = 'task_id, epoch, session_id, state, agent_id, requirements, declined';

/** The tables of slots and of their tombstones. Whatever writes here runs inside a transaction. */
export class SlotTable {
  readonly #store: ObjectStore;

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  find({ task_id, epoch }: SlotKey): Slot | undefined {
    return this.#read(`task_id = ? AND epoch = ?`, task_id, epoch)[0];
  }

  hasEnded({ task_id, epoch }: SlotKey): boolean {
    return this.#store.row(`SELECT 1 FROM ended_slots WHERE task_id = ? AND epoch = ?`, task_id, epoch) !== undefined;
  }

  /** Slots that are offered to an agent or accepted by it. */
  heldBy(agentId: string): Slot[] {
    return this.#read(`agent_id = ? ORDER BY arrival`, agentId);
  }

  /** Waiting requests, first the one that is next. */
  queue(): Slot[] {
    return this.#read(`state = 'queued' ORDER BY priority, arrival`);
  }

  hasQueue(): boolean {
    return this.#store.row(`SELECT 1 FROM slots WHERE state = 'queued' LIMIT 1`) !== undefined;
  }

  /** The place of a waiting request in the queue, from 1. */
  place({ task_id, epoch }: SlotKey): number {
    const row = this.#store.row<{ place: number }>(
      `SELECT COUNT(*) AS place FROM slots
       JOIN (SELECT priority AS own_priority, arrival AS own_arrival FROM slots WHERE task_id = ? AND epoch = ?)
       WHERE state = 'queued' AND (priority, arrival) <= (own_priority, own_arrival)`,
      task_id,
      epoch,
    );
    return row?.place ?? 0;
  }

  /** Puts a new request at the end of its priority's queue. */
  enqueue(request: SlotRequest): void {
    const [counter] = this.#store.rows<{ arrivals: number }>(
      `UPDATE registry SET arrivals = arrivals + 1 RETURNING arrivals`,
    );
    this.#store.rows(
      `INSERT INTO slots (task_id, epoch, session_id, state, priority, arrival, requirements, declined)
       VALUES (?, ?, ?, 'queued', ?, ?, ?, '{}')`,
      request.task_id,
      request.epoch,
      request.session_id,
      SessionPriority.options.indexOf(request.priority),
      counter!.arrivals,
      JSON.stringify(request.requirements),
    );
  }

  /** Gives a slot that no agent has accepted the request's priority and requirements; false when it has them. */
  revise(request: SlotRequest): boolean {
    const priority = SessionPriority.options.indexOf(request.priority);
    const requirements = JSON.stringify(request.requirements);
    const revised = this.#store.rows(
      `UPDATE slots SET priority = ?, requirements = ? WHERE task_id = ? AND epoch = ? AND state <> 'accepted'
       AND (priority <> ? OR requirements <> ?) RETURNING 1`,
      priority,
      requirements,
      request.task_id,
      request.epoch,
      priority,
      requirements,
    );
    return revised.length > 0;
  }

  hold({ task_id, epoch }: SlotKey, state: 'offered' | 'accepted', agentId: string): void {
    this.#store.rows(
      `UPDATE slots SET state = ?, agent_id = ? WHERE task_id = ? AND epoch = ?`,
      state,
      agentId,
      task_id,
      epoch,
    );
  }

  /** Back to where it was in the queue: it arrived before those that came while it was offered. */
  requeue({ task_id, epoch }: SlotKey, declined: Slot['declined']): void {
    this.#store.rows(
      `UPDATE slots SET state = 'queued', agent_id = NULL, declined = ? WHERE task_id = ? AND epoch = ?`,
      JSON.stringify(declined),
      task_id,
      epoch,
    );
  }

  /** Removes a slot, if there is one, and leaves a tombstone. */
  end({ task_id, epoch }: SlotKey, now: number): void {
    this.#store.rows(`DELETE FROM slots WHERE task_id = ? AND epoch = ?`, task_id, epoch);
    this.#store.rows(
      `INSERT INTO ended_slots (task_id, epoch, ended_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
      task_id,
      epoch,
      now,
    );
  }

  /** Forgets tombstones of that time and before; returns the time of the oldest that is left. */
  purgeEnded(upTo: number): number | null {
    this.#store.rows(`DELETE FROM ended_slots WHERE ended_at <= ?`, upTo);
    return this.#store.row<{ at: number | null }>(`SELECT MIN(ended_at) AS at FROM ended_slots`)?.at ?? null;
  }

  #read(where: string, ...bindings: (string | number)[]): Slot[] {
    return this.#store.rows<SlotRow>(`SELECT ${COLUMNS} FROM slots WHERE ${where}`, ...bindings).map((row) => ({
      ...row,
      requirements: JSON.parse(row.requirements) as Requirements,
      declined: JSON.parse(row.declined) as Slot['declined'],
    }));
  }
}
