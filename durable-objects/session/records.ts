import type { Intent, TaskFacts } from '../../src/domain/session/session-status.ts';
import type { SessionStatus } from '../../src/protocol/common/enums.ts';
import type { CreateSessionRequest } from '../../src/protocol/session/requests.ts';
import { CachedRows } from '../kit/cached-rows.ts';
import type { ObjectStore } from '../kit/store.ts';
import type { SessionParts } from './parts.ts';

/** The session's one row: what changes while it lives. Times are ms; JSON columns end up in views. */
export interface SessionRow {
  workspace: string;
  id: string;
  incarnation: string;
  status: SessionStatus;
  /** What it was last asked to do. */
  intent: Intent;
  /** When the agents at work were asked to pause or stop, while they have not done so. */
  requested_at: number | null;
  run: number;
  rev: number;
  floor_seq: number;
  last_command: number;
  created_at: number;
  updated_at: number;
  started_at: number | null;
  ended_at: number | null;
  deleted_at: number | null;
  active_ms: number;
  active_since: number | null;
  result: string | null;
  error: string | null;
  /** Of all runs; and what it was when the present run began. */
  usage: string;
  usage_before_run: string;
  /** Root commit of the repository that the session is bound to, once an agent has begun. */
  repository: string | null;
  share_done: number;
  /** The fingerprint of the request that made the session, when it had an idempotency key. */
  created_with: string | null;
}

export interface TaskRow extends TaskFacts {
  number: number;
  title: string;
  epoch: number;
  /** Attempts of the present run that came to nothing. */
  attempts_used: number;
  /** What the next lease starts from: `last`, `fresh`, or a checkpoint's number. */
  restore: string;
  /** JSON: ids of the agents that have refused the task in this run, newest last. */
  refused_by: string;
  /** JSON: why it failed for good. */
  error: string | null;
}

/** The newest lease of a task. It stays when it has ended, so that a late agent hears how. */
export interface LeaseRow {
  task: number;
  epoch: number;
  run: number;
  agent_id: string;
  agent_name: string;
  instance_id: string;
  stream_id: string;
  acked: number;
  granted_at: number;
  seen_at: number;
  extended_at: number | null;
  closed_at: number | null;
  ended: 'done' | 'lost' | null;
}

interface SpecRow {
  one: number;
  json: string;
}

/** The key of the row where a table has one. */
const ONE = 1;

/** Typed rows of a session's tables. Those that every step needs are kept in memory. */
export class SessionRecords {
  readonly #store: ObjectStore;
  readonly #session: CachedRows<SessionRow & { one: number }>;
  readonly #spec: CachedRows<SpecRow>;
  /** A spec may be long: it is parsed once. */
  readonly #parsedSpecs = new WeakMap<SpecRow, CreateSessionRequest>();
  readonly #tasks: CachedRows<TaskRow>;
  readonly #leases: CachedRows<LeaseRow>;

  constructor({ kit }: Pick<SessionParts, 'kit'>) {
    this.#store = kit.store;
    this.#session = new CachedRows(kit.store, 'session', 'one');
    this.#spec = new CachedRows(kit.store, 'spec', 'one');
    this.#tasks = new CachedRows(kit.store, 'tasks', 'number');
    this.#leases = new CachedRows(kit.store, 'leases', 'task', (lease) => this.#withAcknowledgement(lease));
  }

  /** The session's row, or null when there is none, or only its tombstone. */
  find(): SessionRow | null {
    if (!this.#store.created) return null;
    const row = this.#session.get(ONE);
    return row && row.deleted_at === null ? row : null;
  }

  /** The session's row, where it is known to be there. */
  session(): SessionRow {
    const row = this.#session.get(ONE);
    if (!row) throw new Error('no session row');
    return row;
  }

  create(row: SessionRow): void {
    this.#session.put({ ...row, one: ONE });
  }

  update(changes: Partial<SessionRow>): void {
    this.#session.update(ONE, changes);
  }

  spec(): CreateSessionRequest {
    const row = this.#spec.get(ONE)!;
    const known = this.#parsedSpecs.get(row);
    if (known) return known;
    const spec = JSON.parse(row.json) as CreateSessionRequest;
    this.#parsedSpecs.set(row, spec);
    return spec;
  }

  saveSpec(spec: CreateSessionRequest): void {
    this.#spec.put({ one: ONE, json: JSON.stringify(spec) });
  }

  tasks(): TaskRow[] {
    return this.#tasks.all();
  }

  task(number: number): TaskRow | undefined {
    return this.#tasks.get(number);
  }

  addTask(task: TaskRow): void {
    this.#tasks.put(task);
  }

  /** The number of the task that people mean when they name none. */
  firstTask(): number {
    return this.tasks()[0]!.number;
  }

  updateTask(number: number, changes: Partial<TaskRow>): void {
    this.#tasks.update(number, changes);
  }

  lease(task: number): LeaseRow | undefined {
    return this.#leases.get(task);
  }

  /** The lease that holds the task now. */
  liveLease(task: number): LeaseRow | undefined {
    const lease = this.lease(task);
    return lease && lease.ended === null && lease.epoch === this.task(task)?.epoch ? lease : undefined;
  }

  /** The leases under which agents work now. */
  liveLeases(): LeaseRow[] {
    return this.#leases.all().filter(({ task }) => this.liveLease(task));
  }

  saveLease(lease: LeaseRow): void {
    this.#leases.put(lease);
  }

  updateLease(task: number, changes: Partial<LeaseRow>): void {
    this.#leases.update(task, changes);
  }

  /** Acknowledgements that only the log holds go into the leases: the log is about to forget them. */
  keepAcknowledgements(): void {
    for (const lease of this.#leases.all()) if (lease.ended === null) this.#leases.put(lease);
  }

  /** A lease as far as its stream is stored. Most acknowledgements are on the rows of the events that they acknowledge. */
  #withAcknowledgement(lease: LeaseRow): LeaseRow {
    if (lease.ended !== null) return lease;
    const newest = this.#store.row<{ acked: number; at: number }>(
      `SELECT acked, at FROM event_batches WHERE task = ? AND epoch = ? ORDER BY seq DESC LIMIT 1`,
      lease.task,
      lease.epoch,
    );
    if (!newest || newest.acked < lease.acked) return lease;
    return { ...lease, acked: newest.acked, seen_at: Math.max(lease.seen_at, newest.at) };
  }

  /** The log carries the acknowledgement of the lease's stream up to here. */
  acknowledged(task: number, acked: number): void {
    this.#leases.note(task, { acked, seen_at: this.#store.platform.now() });
  }

  /** Forgets the rows that are kept, after they were deleted. */
  purged(): void {
    for (const kept of [this.#session, this.#spec, this.#tasks, this.#leases]) kept.forget();
  }

  /** The lease's agent was heard, and its stream is stored up to here. */
  seen(task: number, acked: number): void {
    this.updateLease(task, { acked, seen_at: this.#store.platform.now(), closed_at: null });
  }

  /** Which attempt of its run the task is in, or ended in; from 1. */
  attempt(task: TaskRow): number {
    return Math.min(task.attempts_used + 1, this.spec().max_attempts);
  }

  /** The task's newest lease of the present run, held or ended. */
  leaseOfRun(task: number): LeaseRow | undefined {
    const lease = this.lease(task);
    return lease?.run === this.session().run ? lease : undefined;
  }

  /** The newest lease of the present run, of whichever task: whom a line about the session names as its agent. */
  newestLeaseOfRun(): LeaseRow | undefined {
    const { run } = this.session();
    const leases = this.#leases.all().filter((lease) => lease.run === run);
    return leases.reduce<LeaseRow | undefined>(
      (newest, lease) => (newest && newest.granted_at > lease.granted_at ? newest : lease),
      undefined,
    );
  }

  /** The numbers of the task's messages after `number`, in order. */
  messagesAfter(task: number, number: number): number[] {
    const rows = this.#store.rows<{ number: number }>(
      `SELECT number FROM messages WHERE task = ? AND number > ? ORDER BY number`,
      task,
      number,
    );
    return rows.map((row) => row.number);
  }

  /** The number of the task's last message; 0 when it has none. */
  lastMessageOf(task: number): number {
    return this.#store.row<{ last: number }>(
      `SELECT COALESCE(MAX(number), 0) AS last FROM messages WHERE task = ?`,
      task,
    )!.last;
  }

  /** The number of the session's last message; 0 when it has none. */
  lastMessage(): number {
    return this.#store.row<{ last: number }>(`SELECT COALESCE(MAX(number), 0) AS last FROM messages`)!.last;
  }
}

/** Column names are our own type's keys: never text from outside. */
export function insertOrReplace(store: ObjectStore, table: string, row: object): void {
  const columns = Object.keys(row);
  store.rows(
    `INSERT OR REPLACE INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
    ...Object.values(row),
  );
}
