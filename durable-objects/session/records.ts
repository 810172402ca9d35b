import type { KnownAgent } from '../../src/domain/dispatch/pass.ts';
import type { Gate } from '../../src/domain/graph/gates.ts';
import type { ClaimedLease } from '../../src/domain/lease/claim.ts';
import type { Intent, TaskFacts } from '../../src/domain/session/session-status.ts';
import type { AssignmentResult } from '../../src/ports/agent-registry.ts';
import type { ApprovalKind, SessionStatus, TaskKind, TaskPriority } from '../../src/protocol/common/enums.ts';
import { CheckMembers } from '../../src/protocol/session/checks.ts';
import type { Rating } from '../../src/protocol/session/rating.ts';
import { type CreateSessionRequest, OnConflictRisk } from '../../src/protocol/session/requests.ts';
import { AgentChoice } from '../../src/protocol/session/requirements.ts';
import type { SessionError } from '../../src/protocol/session/session.ts';
import { CachedRows } from '../kit/storage/cached-rows.ts';
import type { ObjectStore } from '../kit/storage/store.ts';
import type { SessionParts } from './parts.ts';

/** The session's row. Times are in ms. */
export interface SessionRow {
  workspace: string;
  id: string;
  incarnation: string;
  /** JSON: the create request with later changes, without the prompt, which is the first message. */
  spec: string;
  status: SessionStatus;
  /** The last intent. */
  intent: Intent;
  /** When the working agents were asked to pause or stop; null when no request is open. */
  requested_at: number | null;
  run: number;
  rev: number;
  /** Grows with each change of the status, and of what people change. */
  version: number;
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
  /** The usage of all runs, and the usage at the beginning of the current run. */
  usage: string;
  usage_before_run: string;
  /** The root commit of the repository to which the session is bound since its first lease. */
  repository: string | null;
  share_done: number;
  /** The fingerprint of the request that created the session, if it had an idempotency key. */
  created_with: string | null;
  /** From which the keys of the proofs of its offers derive. */
  offer_secret: string;
  /** Grows with each change of the tasks' graph. */
  graph_version: number;
  /** The highest number that a task of the session ever had. */
  last_task: number;
  /** JSON: what each lease that is held has cost, in US dollars, by its task. */
  lease_costs: string;
  /** The commit on which the session's work is based, since its first lease or checkpoint that has named one. */
  base_commit: string | null;
  /** The number of the newest task that delivers the work; null before the first. */
  delivery: number | null;
}

/** A failure of a model that is asked again, and when that is. */
export interface ModelRetry {
  message: string;
  /** Milliseconds since the epoch. */
  until: number;
}

export interface TaskRow extends TaskFacts {
  number: number;
  title: string;
  kind: TaskKind;
  epoch: number;
  /** The failed attempts of the current run. */
  attempts_used: number;
  /** The start of the next lease: `last`, `fresh`, or a checkpoint's number. */
  restore: string;
  /** JSON: the {@link Refusal}s of this run, newest last. */
  refused_by: string;
  /** JSON: the error with which the task failed. */
  error: string | null;
  /** JSON: the last {@link ModelRetry}; it counts while `degraded_by` is `retry`. */
  retry: string | null;
  /** How often in a row a lease was handed back soon after its grant, at no cost. */
  handed_back: number;
  /** When the task began to ask for an agent, in ms; null if it asks for none now. */
  reserved_at: number | null;
  /** JSON: what was handed out to agents without sockets, newest last; see `HandOut`. */
  handed_out: string;
  /** JSON: the {@link StoredAssignment} that ended last; null before the first. */
  last_assignment: string | null;
  /** The number of the task of which it is a part. */
  parent: number | null;
  /** JSON: the {@link Dependency}s. */
  depends_on: string;
  priority: TaskPriority;
  /** The expected hours of work; null without an estimate. */
  hours: number | null;
  /** Null if the session's applies. */
  max_attempts: number | null;
  /** Whether a person must approve it before it starts. */
  gate: Gate;
  /** JSON: the {@link Blockage} of a blocked task. */
  blocked_by: string | null;
  /** JSON: the files that its agents have edited; empty once it has ended. */
  edited: string;
  /** How long one agent may work on it; null if there is no limit of its own. */
  timeout_seconds: number | null;
  /** 1 for a task that does not count for the session: a delivery that was asked for after its end. */
  aside: number;
  /** When its first lease of this run was granted, and when it ended, in ms. */
  started_at: number | null;
  ended_at: number | null;
  /** JSON: its newest `StoredWork`; null if it has none. */
  work: string | null;
  /** JSON: the `StoredStart` of its last lease. */
  start: string | null;
}

/** The approval for which a task waits, and the same in words. */
export interface Blockage {
  kind: ApprovalKind;
  approval_id: string;
  message: string;
}

/** A finished assignment of a task. Its end says something of its agent. */
export interface StoredAssignment {
  epoch: number;
  agent_name: string;
  result: AssignmentResult;
  rating: Rating | null;
}

/** The newest lease of a task. The row stays after its end, so that a late agent learns how it ended. */
export interface LeaseRow extends ClaimedLease {
  task: number;
  run: number;
  agent_name: string;
  granted_at: number;
  seen_at: number;
  extended_at: number | null;
  closed_at: number | null;
  /** When the agent was asked to let the task go to another agent, in ms; null if it was not. */
  move_asked_at: number | null;
  /** JSON: {@link Passing}; null if the agent does not go on with the next task by itself. */
  passing: string | null;
}

/** What a session knows of an agent whose slot may pass on to the next task, and what has become of it. */
export interface Passing extends Omit<KnownAgent, 'agent_id' | 'instance_id'> {
  /** Until when the slot may pass on, by what the registry had said when the lease began (ms since the epoch). */
  until: number;
  /** Whether it merges the work of several tasks. */
  can_merge: boolean;
  /** The last message that came with the assignment, if the lease was passed on. */
  given?: number;
  /** The lease to which the slot has passed on: its task and its epoch. */
  next?: [task: number, epoch: number];
}

/** The key of the row in a table with a single row. */
const ONE = 1;

/** The typed rows of a session's tables. Rows that every step needs are cached. */
export class SessionRecords {
  readonly #store: ObjectStore;
  readonly #session: CachedRows<SessionRow & { one: number }>;
  /** The newest parsed spec. It is cached, because a spec can be long. */
  #parsed: { json: string; spec: CreateSessionRequest } | null = null;
  readonly #tasks: CachedRows<TaskRow>;
  readonly #leases: CachedRows<LeaseRow>;

  constructor({ kit }: Pick<SessionParts, 'kit'>) {
    this.#store = kit.store;
    this.#session = new CachedRows(kit.store, 'session', 'one');
    this.#tasks = new CachedRows(kit.store, 'tasks', 'number');
    this.#leases = new CachedRows(kit.store, 'leases', 'task', (lease) => this.#withAcknowledgement(lease));
  }

  /** The session's row; null if the session does not exist or was deleted. */
  find(): SessionRow | null {
    if (!this.#store.created) return null;
    const row = this.#session.get(ONE);
    return row && row.deleted_at === null ? row : null;
  }

  /** Whether only the session's tombstone is left. */
  isDeleted(): boolean {
    return this.#store.created && this.find() === null;
  }

  /** The session's row. @throws Error if it does not exist */
  session(): SessionRow {
    const row = this.#session.get(ONE);
    if (!row) throw new Error('no session row');
    return row;
  }

  /** What a delivery of the session is named after. */
  sessionNamed(): { id: string; title: string } {
    return { id: this.session().id, title: this.spec().title };
  }

  create(row: Omit<SessionRow, 'spec'>, spec: CreateSessionRequest): void {
    const json = specColumn(spec);
    this.#session.put({ ...row, one: ONE, spec: json });
    this.#parsed = { json, spec };
  }

  update(changes: Partial<SessionRow>): void {
    this.#session.update(ONE, changes);
  }

  /** The create request, with later changes of its members. */
  spec(): CreateSessionRequest {
    const json = this.session().spec;
    if (this.#parsed?.json !== json) {
      const prompt = this.#store.row<{ text: string }>(`SELECT text FROM messages WHERE number = 1`)!;
      const stored = JSON.parse(json);
      // A session of an earlier release has chosen nothing.
      const later = { ...AgentChoice().parse(stored), ...CheckMembers().parse(stored) };
      const on_conflict_risk = OnConflictRisk().parse(stored.on_conflict_risk);
      const { allow_rebalance = false, plan = 'none' } = stored;
      this.#parsed = {
        json,
        spec: { ...stored, ...later, allow_rebalance, plan, on_conflict_risk, initial_prompt: prompt.text },
      };
    }
    return this.#parsed.spec;
  }

  updateSpec(changes: Partial<CreateSessionRequest>): void {
    const spec = { ...this.spec(), ...changes };
    this.update({ spec: specColumn(spec) });
  }

  tasks(): TaskRow[] {
    return this.#tasks.all();
  }

  get taskCount(): number {
    return this.#tasks.size;
  }

  task(number: number): TaskRow | undefined {
    return this.#tasks.get(number);
  }

  addTask(task: TaskRow): void {
    this.#tasks.put(task);
  }

  /** Removes a task that no agent has begun with. */
  removeTask(number: number): void {
    this.#tasks.remove(number);
  }

  /** The number of the default task for requests that name none. */
  firstTask(): number {
    return this.tasks()[0]!.number;
  }

  updateTask(number: number, changes: Partial<TaskRow>): void {
    this.#tasks.update(number, changes);
  }

  lease(task: number): LeaseRow | undefined {
    return this.#leases.get(task);
  }

  /** The active lease of a task. */
  liveLease(task: number): LeaseRow | undefined {
    const lease = this.lease(task);
    return lease && lease.ended === null && lease.epoch === this.task(task)?.epoch ? lease : undefined;
  }

  /** All active leases. */
  liveLeases(): LeaseRow[] {
    return this.#leases.all().filter(({ task }) => this.liveLease(task));
  }

  /** What the lease that is held of a task has cost so far, in US dollars. */
  leaseCost(task: number): number {
    return this.#leaseCosts()[task] ?? 0;
  }

  /** @param cost in US dollars; null when the lease has ended */
  setLeaseCost(task: number, cost: number | null): void {
    const { [task]: before, ...costs } = this.#leaseCosts();
    if (before !== undefined || cost !== null) {
      this.update({ lease_costs: JSON.stringify(cost === null ? costs : { ...costs, [task]: cost }) });
    }
  }

  #leaseCosts(): Record<number, number> {
    return JSON.parse(this.session().lease_costs) as Record<number, number>;
  }

  saveLease(lease: LeaseRow): void {
    this.#leases.put(lease);
  }

  updateLease(task: number, changes: Partial<LeaseRow>): void {
    this.#leases.update(task, changes);
  }

  /** Copies acknowledgements from the log to the leases, because the log is about to delete them. */
  keepAcknowledgements(): void {
    for (const lease of this.#leases.all()) if (lease.ended === null) this.#leases.put(lease);
  }

  /** Completes a lease with its newest acknowledgement, which is usually stored in the row of the events. */
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

  /** Updates the cached acknowledgement of a lease, which the log stores. */
  acknowledged(task: number, acked: number): void {
    this.#leases.note(task, { acked, seen_at: this.#store.platform.now() });
  }

  /** Clears the cached rows after they were deleted. */
  purged(): void {
    for (const rows of [this.#session, this.#tasks, this.#leases]) rows.forget();
  }

  /** Records when the lease's agent was heard, and how far its stream is stored. */
  seen(task: number, acked: number): void {
    this.updateLease(task, { acked, seen_at: this.#store.platform.now(), closed_at: null });
  }

  /** The most failed attempts of a task. */
  maxAttempts({ max_attempts }: TaskRow): number {
    return max_attempts ?? this.spec().max_attempts;
  }

  /** The number of the task's current or last attempt in its run, from 1. */
  attempt(task: TaskRow): number {
    return Math.min(task.attempts_used + 1, this.maxAttempts(task));
  }

  /** The task's newest lease of the current run, active or ended. */
  leaseOfRun(task: number): LeaseRow | undefined {
    const lease = this.lease(task);
    return lease?.run === this.session().run ? lease : undefined;
  }

  /** The newest lease of the current run among all tasks, whose agent the summary names. */
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

  /** The task's messages after `number`, in order. */
  promptsAfter(task: number, number: number): { number: number; text: string }[] {
    return this.#store.rows(
      `SELECT number, text FROM messages WHERE task = ? AND number > ? ORDER BY number`,
      task,
      number,
    );
  }

  /** The number of the task's first message; 1 when it has none. */
  firstMessageOf(task: number): number {
    return this.#store.row<{ first: number }>(
      `SELECT COALESCE(MIN(number), 1) AS first FROM messages WHERE task = ?`,
      task,
    )!.first;
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

/** Why the session failed; null when it did not. */
export function readError({ error }: Pick<SessionRow, 'error'>): SessionError | null {
  return error === null ? null : (JSON.parse(error) as SessionError);
}

/** What is known of the agent of a lease, if it goes on with the next task by itself; else null. */
export function readPassing({ passing }: Pick<LeaseRow, 'passing'>): Passing | null {
  return passing === null ? null : (JSON.parse(passing) as Passing);
}

/** Whether the slot of the lease of this epoch has passed on to another task. */
export function hasPassedOn(lease: LeaseRow | undefined, epoch: number): boolean {
  return lease?.epoch === epoch && readPassing(lease)?.next !== undefined;
}

/** The task's last finished assignment; null before the first. */
export function readAssignment({ last_assignment }: Pick<TaskRow, 'last_assignment'>): StoredAssignment | null {
  return last_assignment === null ? null : (JSON.parse(last_assignment) as StoredAssignment);
}

function specColumn({ initial_prompt: _, ...spec }: CreateSessionRequest): string {
  return JSON.stringify(spec);
}
