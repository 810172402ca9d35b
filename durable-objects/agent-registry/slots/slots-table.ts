import type { Waiting } from '../../../src/domain/dispatch/match.ts';
import { type Lags, PRIORITY_LAG_MS } from '../../../src/domain/dispatch/queue-order.ts';
import type { HeldSlot, Moved } from '../../../src/domain/dispatch/rebalance.ts';
import type { SlotRecord } from '../../../src/domain/dispatch/slot.ts';
import type { SlotRequest } from '../../../src/ports/agent-registry.ts';
import type { AgentLease } from '../../../src/protocol/agent/agent.ts';
import type { SessionId, TaskId } from '../../../src/protocol/common/ids.ts';
import type { Requirements } from '../../../src/protocol/session/requirements.ts';
import { rankOf } from '../../kit/storage/rank.ts';
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
}

/** A queued slot with its requirements. */
export interface QueuedSlot extends SlotKey, Waiting {
  session_id: SessionId;
  proof_key: string;
}

/** A slot that may be moved from its agent. */
export type MovableSlot = SlotKey & HeldSlot;

/** An offer of a slot to an agent. */
export interface Offer {
  agent_id: string;
  /** In ms since the epoch. */
  offered_until: number;
}

const COLUMNS = 'task_id, epoch, session_id, state, agent_id, declined, offered_until, proof_key';
const OF_KEY = 'task_id = ? AND epoch = ?';
/** The number of queued slots that one statement reads for a match, which usually needs only the first ones. */
const QUEUE_PAGE = 100;
/** The number of tombstones that one transaction looks at. */
const PURGED_AT_A_TIME = 1_000;

/** The table of slots and their tombstones. Methods that write must run inside a transaction. */
export class SlotsTable {
  readonly #store: ObjectStore;
  /** A SQL expression for the time at which a slot stands in the queue (see `PRIORITY_LAG_MS`). */
  readonly #turn: string;

  constructor(store: ObjectStore, lags: Lags = PRIORITY_LAG_MS) {
    this.#store = store;
    this.#turn = `queued_at + ${rankOf('priority', lags)}`;
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
   * The queued slots in the order of the queue. It reads one page at a time, so callers must not write the table before
   * they stop reading. Slots with equal requirements share one object.
   * @param page the number of slots that one statement reads
   */
  *queue(page = QUEUE_PAGE): Generator<QueuedSlot> {
    const parsed = new Map<string, Requirements>();
    const requirementsOf = (text: string) => {
      const known = parsed.get(text) ?? (JSON.parse(text) as Requirements);
      parsed.set(text, known);
      return known;
    };
    for (let offset = 0; ; offset += page) {
      const rows = this.#store.rows<Omit<QueuedSlot, keyof Waiting> & { requirements: string; declined: string }>(
        `SELECT task_id, epoch, session_id, proof_key, requirements, declined FROM slots WHERE state = 'queued'
         ORDER BY ${this.#turn}, arrival LIMIT ? OFFSET ?`,
        page,
        offset,
      );
      for (const { requirements, declined, ...row } of rows) {
        yield { ...row, requirements: requirementsOf(requirements), declined: JSON.parse(declined) };
      }
      if (rows.length < page) return;
    }
  }

  /** Those of some sessions that have a queued slot, and the agents that others are offered to. */
  waitingOf(sessions: readonly SessionId[]): { queued: Set<SessionId>; offered: Map<SessionId, string> } {
    const rows = this.#store.rows<{ session_id: SessionId; agent_id: string | null }>(
      `SELECT session_id, agent_id FROM slots
       WHERE state IN ('queued', 'offered') AND session_id IN (SELECT value FROM json_each(?))`,
      JSON.stringify(sessions),
    );
    const offered = rows.flatMap(({ session_id, agent_id }) =>
      agent_id === null ? [] : [[session_id, agent_id] as const],
    );
    const queued = rows.flatMap(({ session_id, agent_id }) => (agent_id === null ? [session_id] : []));
    return { queued: new Set(queued), offered: new Map(offered) };
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

  /** The place of a queued slot, from 1. */
  place({ task_id, epoch }: SlotKey): number {
    const row = this.#store.row<{ place: number }>(
      `SELECT COUNT(*) AS place FROM slots
       JOIN (SELECT ${this.#turn} AS own_turn, arrival AS own_arrival FROM slots WHERE ${OF_KEY})
       WHERE state = 'queued' AND (${this.#turn}, arrival) <= (own_turn, own_arrival)`,
      task_id,
      epoch,
    );
    return row?.place ?? 0;
  }

  /** Inserts a slot: offered, or queued if `offer` is null. */
  insert({ task_id, epoch, session_id, proof_key, priority, requirements }: SlotRequest, offer: Offer | null): void {
    this.#store.rows(
      `INSERT INTO slots
         (task_id, epoch, session_id, proof_key, priority, requirements, state, agent_id, offered_until, queued_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      task_id,
      epoch,
      session_id,
      proof_key,
      priority,
      JSON.stringify(requirements),
      offer === null ? 'queued' : 'offered',
      offer?.agent_id ?? null,
      offer?.offered_until ?? null,
      this.#store.platform.now(),
    );
  }

  /** Updates the priority, requirements and key of a slot that has not ended. @returns whether they have changed */
  revise(request: SlotRequest): boolean {
    const requirements = JSON.stringify(request.requirements);
    const revised = this.#store.rows(
      `UPDATE slots SET priority = ?, requirements = ?, proof_key = ? WHERE ${OF_KEY}
       AND state <> 'ended' AND (priority <> ? OR requirements <> ? OR proof_key <> ?) RETURNING 1`,
      request.priority,
      requirements,
      request.proof_key,
      request.task_id,
      request.epoch,
      request.priority,
      requirements,
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
