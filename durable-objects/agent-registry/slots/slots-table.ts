import type { QueuedRequest } from '../../../src/domain/dispatch/queue-index.ts';
import { type Lags, lagOf, PRIORITY_LAG_MS, type Standing } from '../../../src/domain/dispatch/queue-order.ts';
import type { HeldSlot, Moved } from '../../../src/domain/dispatch/rebalance.ts';
import type { SlotRecord } from '../../../src/domain/dispatch/slot.ts';
import type { SlotRequest } from '../../../src/ports/agent-registry.ts';
import type { AgentLease } from '../../../src/protocol/agent/agent.ts';
import { TaskPriority } from '../../../src/protocol/common/enums.ts';
import type { SessionId, TaskId } from '../../../src/protocol/common/ids.ts';
import type { Requirements } from '../../../src/protocol/session/requirements.ts';
import type { ObjectStore } from '../../kit/storage/store.ts';

/** The key of a slot. */
export interface SlotKey {
  task_id: TaskId;
  epoch: number;
}

export interface Slot extends SlotKey, SlotRecord {
  session_id: SessionId;
  /** See `SlotRequest`. */
  proof_key: string;
  /** When the open offer lapses, in ms since the epoch. */
  offered_until: number | null;
  /** The process of the agent to which the session has passed the slot on; null for a slot that was offered. */
  passed_to: string | null;
}

interface QueuedRow extends SlotKey {
  arrival: number;
  session_id: SessionId;
  proof_key: string;
  priority: string;
  task_priority: string;
  queued_at: number;
  joined_at: number;
  requirements: string;
  declined: string;
}

/** A slot that may be moved from its agent. */
export type MovableSlot = SlotKey & HeldSlot;

/** An offer of a slot to an agent. */
export interface Offer {
  agent_id: string;
  /** In ms since the epoch. */
  offered_until: number;
}

const COLUMNS = 'task_id, epoch, session_id, state, agent_id, declined, offered_until, proof_key, passed_to';
const OF_KEY = 'task_id = ? AND epoch = ?';
const QUEUED =
  'arrival, task_id, epoch, session_id, proof_key, priority, task_priority, queued_at, joined_at, requirements, declined';
/** The number of queued slots that one statement reads. */
const QUEUE_PAGE = 1_000;
/** The number of tombstones that one transaction looks at. */
const PURGED_AT_A_TIME = 1_000;

/** The table of slots and their tombstones. Methods that write must run inside a transaction. */
export class SlotsTable {
  readonly #store: ObjectStore;
  readonly #lags: Lags;

  constructor(store: ObjectStore, lags: Lags = PRIORITY_LAG_MS) {
    this.#store = store;
    this.#lags = lags;
  }

  find({ task_id, epoch }: SlotKey): Slot | undefined {
    return this.#read(OF_KEY, task_id, epoch)[0];
  }

  /** The slots that an agent was offered or has accepted. */
  heldBy(agentId: string): Slot[] {
    return this.#read(`agent_id = ? ORDER BY arrival`, agentId);
  }

  /** What agents were offered or have accepted, by agent, oldest first. */
  heldByEach(agentIds: readonly string[]): Map<string, AgentLease[]> {
    const rows = this.#store.rows<AgentLease & { agent_id: string }>(
      `SELECT agent_id, task_id, epoch, session_id, state FROM slots
       WHERE agent_id IN (SELECT value FROM json_each(?)) ORDER BY arrival`,
      JSON.stringify(agentIds),
    );
    const held = new Map<string, AgentLease[]>();
    for (const { agent_id, ...lease } of rows) held.set(agent_id, [...(held.get(agent_id) ?? []), lease]);
    return held;
  }

  requirementsOf({ task_id, epoch }: SlotKey): Requirements {
    const sql = `SELECT requirements FROM slots WHERE ${OF_KEY}`;
    return JSON.parse(this.#store.row<{ requirements: string }>(sql, task_id, epoch)!.requirements) as Requirements;
  }

  /** The lapsed offers, earliest first. Like `nextLapse`, it uses the index of slots with an agent. */
  lapsed(now: number): Slot[] {
    return this.#read(`agent_id IS NOT NULL AND state = 'offered' AND offered_until <= ? ORDER BY offered_until`, now);
  }

  /** When the next offer lapses, in ms since the epoch; null when no offer is open. */
  nextLapse(): number | null {
    const sql = `SELECT MIN(offered_until) AS at FROM slots WHERE agent_id IS NOT NULL AND state = 'offered'`;
    return this.#store.row<{ at: number | null }>(sql)?.at ?? null;
  }

  /**
   * The queued slots in the order of their arrival. It reads one page at a time. Slots with equal requirements share one
   * object.
   */
  *queue(): Generator<QueuedRequest> {
    const parsed = new Map<string, Requirements>();
    for (let after = 0; ; ) {
      const rows = this.#store.rows<QueuedRow>(
        `SELECT ${QUEUED} FROM slots WHERE state = 'queued' AND arrival > ? ORDER BY arrival LIMIT ?`,
        after,
        QUEUE_PAGE,
      );
      for (const row of rows) {
        const requirements = parsed.get(row.requirements) ?? (JSON.parse(row.requirements) as Requirements);
        parsed.set(row.requirements, requirements);
        yield this.#requestOf(row, requirements);
      }
      if (rows.length < QUEUE_PAGE) return;
      after = rows.at(-1)!.arrival;
    }
  }

  /** A slot as it stands in the queue; undefined if it is not queued. */
  queued({ task_id, epoch }: SlotKey): QueuedRequest | undefined {
    const sql = `SELECT ${QUEUED} FROM slots WHERE ${OF_KEY} AND state = 'queued'`;
    const row = this.#store.row<QueuedRow>(sql, task_id, epoch);
    return row && this.#requestOf(row, JSON.parse(row.requirements));
  }

  /** Where a request that comes now stands in the queue. */
  standingOf(request: SlotRequest): Standing {
    const lag = lagOf({ priority: request.priority, task_priority: taskPriorityOf(request) }, this.#lags);
    return { queued_at: this.#store.platform.now(), joined_at: 0, lag };
  }

  /** Stores that a queued slot has become the first of its line. */
  join({ task_id, epoch, joined_at }: QueuedRequest): void {
    this.#store.rows(`UPDATE slots SET joined_at = ? WHERE ${OF_KEY}`, joined_at, task_id, epoch);
  }

  #requestOf({ priority, task_priority, ...row }: QueuedRow, requirements: Requirements): QueuedRequest {
    const lag = lagOf({ priority, task_priority }, this.#lags);
    return { ...row, lag, requirements, declined: JSON.parse(row.declined) };
  }

  /**
   * The queued slots of some sessions, and the agents that others are offered to. It finds them by the ids of their
   * tasks, which begin with those of the sessions (see `SessionId`).
   */
  waitingOf(sessions: readonly SessionId[]): { queued: SlotKey[]; offered: Map<SessionId, string> } {
    const rows = this.#store.rows<SlotKey & { session_id: SessionId; agent_id: string | null }>(
      `SELECT task_id, epoch, session_id, agent_id
       FROM (SELECT substr(value, 1, 28) AS first FROM json_each(?)) CROSS JOIN slots
       WHERE task_id BETWEEN first AND first || 'g' AND state IN ('queued', 'offered')`,
      JSON.stringify(sessions),
    );
    const offered = rows.flatMap(({ session_id, agent_id }) =>
      agent_id === null ? [] : [[session_id, agent_id] as const],
    );
    return { queued: rows.filter(({ agent_id }) => agent_id === null), offered: new Map(offered) };
  }

  /** The queued slots by their requirements, and when the oldest came (ms since the epoch). */
  waitingByRequirement(): { requirements: Requirements; waiting: number; oldest_at: number }[] {
    const rows = this.#store.rows<{ requirements: string; waiting: number; oldest_at: number }>(
      `SELECT requirements, COUNT(*) AS waiting, MIN(queued_at) AS oldest_at FROM slots WHERE state = 'queued'
       GROUP BY requirements`,
    );
    return rows.map((row) => ({ ...row, requirements: JSON.parse(row.requirements) as Requirements }));
  }

  hasQueue(): boolean {
    return this.#store.row(`SELECT 1 FROM slots WHERE state = 'queued' LIMIT 1`) !== undefined;
  }

  /** Inserts a slot: offered, or queued if `offer` is null. @returns its place in the order of arrival */
  insert(request: SlotRequest, offer: Offer | null): number {
    const { task_id, epoch, session_id, proof_key, priority, requirements } = request;
    const inserted = this.#store.row<{ arrival: number }>(
      `INSERT INTO slots
         (task_id, epoch, session_id, proof_key, priority, task_priority, requirements, state, agent_id, offered_until,
          queued_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING arrival`,
      task_id,
      epoch,
      session_id,
      proof_key,
      priority,
      taskPriorityOf(request),
      JSON.stringify(requirements),
      offer === null ? 'queued' : 'offered',
      offer?.agent_id ?? null,
      offer?.offered_until ?? null,
      this.#store.platform.now(),
    );
    return inserted!.arrival;
  }

  /** Stores that a slot was passed on to an agent, whether the slot is known or not. */
  passOn(request: SlotRequest, agentId: string, instanceId: string): void {
    this.#store.rows(
      `INSERT INTO slots
         (task_id, epoch, session_id, proof_key, priority, task_priority, requirements, state, agent_id, passed_to,
          queued_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, 'accepted', ?, ?, ?)
       ON CONFLICT (task_id, epoch) DO UPDATE
       SET state = 'accepted', agent_id = excluded.agent_id, passed_to = excluded.passed_to, offered_until = NULL`,
      request.task_id,
      request.epoch,
      request.session_id,
      request.proof_key,
      request.priority,
      taskPriorityOf(request),
      JSON.stringify(request.requirements),
      agentId,
      instanceId,
      this.#store.platform.now(),
    );
  }

  /** The greatest lag of a request of a session with this priority, in ms. */
  greatestLag({ priority }: Pick<SlotRequest, 'priority'>): number {
    return Math.max(...TaskPriority().options.map((task_priority) => lagOf({ priority, task_priority }, this.#lags)));
  }

  /** Updates the priorities, requirements and key of a slot that has not ended. @returns whether they have changed */
  revise(request: SlotRequest): boolean {
    const revised = this.#store.rows(
      `UPDATE slots SET priority = ?3, task_priority = ?4, requirements = ?5, proof_key = ?6
       WHERE task_id = ?1 AND epoch = ?2 AND state <> 'ended'
       AND (priority <> ?3 OR task_priority <> ?4 OR requirements <> ?5 OR proof_key <> ?6) RETURNING 1`,
      request.task_id,
      request.epoch,
      request.priority,
      taskPriorityOf(request),
      JSON.stringify(request.requirements),
      request.proof_key,
    );
    return revised.length > 0;
  }

  offer({ task_id, epoch }: SlotKey, { agent_id, offered_until }: Offer): void {
    this.#store.rows(
      `UPDATE slots SET state = 'offered', agent_id = ?, offered_until = ? WHERE ${OF_KEY}`,
      agent_id,
      offered_until,
      task_id,
      epoch,
    );
  }

  accept({ task_id, epoch }: SlotKey, agentId: string): void {
    this.#store.rows(
      `UPDATE slots SET state = 'accepted', agent_id = ?, offered_until = NULL WHERE ${OF_KEY}`,
      agentId,
      task_id,
      epoch,
    );
  }

  /** Returns a slot to its earlier place in the queue, which the time of its arrival determines. */
  requeue({ task_id, epoch }: SlotKey, declined: Slot['declined']): void {
    this.#store.rows(
      `UPDATE slots SET state = 'queued', agent_id = NULL, offered_until = NULL, declined = ? WHERE ${OF_KEY}`,
      JSON.stringify(declined),
      task_id,
      epoch,
    );
  }

  /** What some agents have, the newest first: offers, then what they work on. */
  movableOf(agentIds: readonly string[], limit: number): MovableSlot[] {
    const rows = this.#store.rows<
      Omit<MovableSlot, 'requirements' | 'declined' | 'moved'> &
        Record<'requirements' | 'declined', string> & { moved: string | null }
    >(
      `SELECT task_id, epoch, session_id, state, agent_id, requirements, declined, moved FROM slots
       WHERE agent_id IN (SELECT value FROM json_each(?)) ORDER BY state = 'accepted', arrival DESC LIMIT ?`,
      JSON.stringify(agentIds),
      limit,
    );
    return rows.map(({ requirements, declined, moved, ...row }) => ({
      ...row,
      requirements: JSON.parse(requirements) as Requirements,
      declined: JSON.parse(declined),
      moved: moved === null ? null : (JSON.parse(moved) as Moved),
    }));
  }

  /** The sessions of which a slot was moved. @param since ms since the epoch */
  movedSince(since: number): Set<string> {
    const rows = this.#store.rows<{ session_id: string }>(
      `SELECT session_id FROM slots WHERE moved IS NOT NULL AND json_extract(moved, '$.at') > ?`,
      since,
    );
    return new Set(rows.map(({ session_id }) => session_id));
  }

  setMoved({ task_id, epoch }: SlotKey, moved: Moved): void {
    this.#store.rows(`UPDATE slots SET moved = ? WHERE ${OF_KEY}`, JSON.stringify(moved), task_id, epoch);
  }

  /** Turns a slot into a tombstone. Inserts the tombstone if the slot is unknown. */
  end({ task_id, epoch }: SlotKey, now: number): void {
    this.#store.rows(
      `INSERT INTO slots (task_id, epoch, state, ended_at) VALUES (?, ?, 'ended', ?)
       ON CONFLICT (task_id, epoch) DO UPDATE
       SET state = 'ended', ended_at = excluded.ended_at, agent_id = NULL, offered_until = NULL`,
      task_id,
      epoch,
      now,
    );
  }

  /**
   * Deletes old tombstones among the first ones by arrival. It leaves the others for later, because an index on their
   * time would cost more rows than this reads.
   * @returns whether to look for more soon, and whether a tombstone remains among the first ones
   */
  purgeEnded(upTo: number): { more: boolean; remain: boolean } {
    const first = this.#store.rows<{ arrival: number }>(
      `SELECT arrival FROM slots WHERE state = 'ended' ORDER BY arrival LIMIT ?`,
      PURGED_AT_A_TIME,
    );
    const last = first.at(-1)?.arrival ?? 0;
    const deleted = this.#store.rows(
      `DELETE FROM slots WHERE arrival <= ? AND state = 'ended' AND ended_at <= ? RETURNING 1`,
      last,
      upTo,
    ).length;
    return { more: deleted > 0 && first.length === PURGED_AT_A_TIME, remain: deleted < first.length };
  }

  #read(where: string, ...bindings: (string | number)[]): Slot[] {
    return this.#store
      .rows<Omit<Slot, 'declined'> & { declined: string }>(`SELECT ${COLUMNS} FROM slots WHERE ${where}`, ...bindings)
      .map((row) => ({ ...row, declined: JSON.parse(row.declined) }));
  }
}

function taskPriorityOf({ task_priority }: SlotRequest): TaskPriority {
  return task_priority ?? 'normal';
}
