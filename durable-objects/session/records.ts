import type { TimesByCapability } from '../../src/ports/agent-registry.ts';
import { CheckMembers } from '../../src/protocol/session/checks.ts';
import type { CreateSessionRequest } from '../../src/protocol/session/requests.ts';
import { AgentChoice } from '../../src/protocol/session/requirements.ts';
import { CachedRows } from '../kit/storage/cached-rows.ts';
import type { ObjectStore } from '../kit/storage/store.ts';
import type { SessionParts } from './parts.ts';
import type { LeaseRow, SessionRow, TaskRow } from './rows.ts';

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
      const { allow_rebalance = false, plan = 'none', on_conflict_risk = 'note', merge_strategy = 'manual' } = stored;
      this.#parsed = {
        json,
        spec: {
          ...stored,
          ...later,
          allow_rebalance,
          plan,
          on_conflict_risk,
          merge_strategy,
          initial_prompt: prompt.text,
        },
      };
    }
    return this.#parsed.spec;
  }

  updateSpec(changes: Partial<CreateSessionRequest>): void {
    const spec = { ...this.spec(), ...changes };
    this.update({ spec: specColumn(spec) });
  }

  /** Keeps what the registry has told first of estimates. */
  measured(times: TimesByCapability): void {
    if (this.find()?.times === null) this.update({ times: JSON.stringify(times) });
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

  /** Whether an agent has begun with the task in this run. */
  hasBegun({ number, started_at }: TaskRow): boolean {
    return started_at !== null || this.liveLease(number) !== undefined;
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

function specColumn({ initial_prompt: _, ...spec }: CreateSessionRequest): string {
  return JSON.stringify(spec);
}
