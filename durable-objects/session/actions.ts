import {
  explainIllegal,
  hasEnded,
  isWorking,
  legalActions,
  nextStatus,
} from '../../src/domain/session/session-machine.ts';
import { NO_USAGE } from '../../src/domain/session/usage.ts';
import type { Call } from '../../src/ports/calls.ts';
import type { ActionRequest } from '../../src/ports/sessions.ts';
import type { SessionAction } from '../../src/protocol/common/enums.ts';
import { type Outcome, ok, refuse } from '../../src/protocol/common/errors.ts';
import { IMPLICIT_TASK, type SessionId, WHOLE_SESSION } from '../../src/protocol/common/ids.ts';
import { MAX_WAITING_MESSAGES } from '../../src/protocol/common/limits.ts';
import type {
  CompleteSessionRequest,
  CreateSessionRequest,
  FailSessionRequest,
  MessageAccepted,
  RetrySessionRequest,
  SendMessageRequest,
  UpdateSessionRequest,
} from '../../src/protocol/session/requests.ts';
import { BOUNDARY_MS, DEADLINE } from './config.ts';
import type { SessionParts } from './parts.ts';
import { insertOrReplace, type SessionRow, type TaskRow } from './records.ts';

type Needs = Pick<
  SessionParts,
  'config' | 'kit' | 'records' | 'log' | 'commands' | 'checkpoints' | 'leases' | 'transitions' | 'projections'
>;

/** What people and programs ask of a session. Each method runs inside a transaction. */
export class Actions {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** Makes the session, its implicit task and its first message. */
  create(workspace: string, id: SessionId, request: CreateSessionRequest, call: Call): void {
    const { kit, records, log, projections } = this.#parts;
    const { platform } = kit.store;
    const now = platform.now();
    records.saveSpec(request);
    const row: SessionRow = {
      workspace,
      id,
      incarnation: platform.uuid().slice(0, 8),
      status: 'pending',
      requested_action: null,
      requested_at: null,
      degraded_by: null,
      run: 0,
      rev: 0,
      floor_seq: 0,
      last_command: 0,
      created_at: now,
      updated_at: now,
      started_at: null,
      ended_at: null,
      deleted_at: null,
      active_ms: 0,
      active_since: null,
      result: null,
      error: null,
      usage: JSON.stringify(NO_USAGE),
      usage_before_run: JSON.stringify(NO_USAGE),
      repository: null,
      share_done: 0,
      created_with: call.idempotency?.fingerprint ?? null,
    };
    records.create(row);
    const task: TaskRow = {
      number: IMPLICIT_TASK,
      title: request.title,
      status: 'pending',
      epoch: 1,
      attempts_used: 0,
      restore: 'last',
      refused_by: '[]',
    };
    records.addTask(task);
    log.append(WHOLE_SESSION, { type: 'session.created', data: { title: request.title } });
    this.#addMessage(request.initial_prompt, 'follow_up', call.principal.token_id);
    projections.changed();
  }

  /** Whether a create that arrives here again is the one that made this session. */
  isSameRequest({ idempotency }: Call): boolean {
    return this.#parts.records.session().created_with === (idempotency?.fingerprint ?? null);
  }

  update(changes: UpdateSessionRequest): void {
    const { records, log, leases, projections } = this.#parts;
    records.saveSpec({ ...records.spec(), ...changes } as CreateSessionRequest);
    log.append(WHOLE_SESSION, { type: 'session.updated', data: changes });
    if (changes.priority !== undefined) leases.reserveAnew();
    projections.changed();
  }

  /** Checks the action against the one table, then does it. */
  act(request: ActionRequest, by: string): Outcome<null> {
    const { status } = this.#parts.records.session();
    if (nextStatus(status, request.action) === null) return this.#illegal(request.action);
    switch (request.action) {
      case 'start':
        return this.#begin('start', by);
      case 'resume':
        return this.#resume(by);
      case 'retry':
        return this.#retry(request.body, by);
      case 'pause':
        return this.#pauseOrStop('pause', by, `by ${by}`);
      case 'stop':
        return this.#pauseOrStop('stop', by, request.body.reason ?? `by ${by}`);
      case 'cancel':
        return this.#withdraw('cancel', `by ${by}`);
      case 'complete':
        return this.#complete(request.body, by);
      case 'fail':
        return this.#fail(request.body, by);
    }
  }

  /** Handler of the request's deadline: the agent did not come to a boundary in time. */
  requestExpired(): void {
    const { requested_action } = this.#parts.records.session();
    if (requested_action) this.#withdraw(requested_action, 'agent_did_not_stop_in_time');
  }

  /** Handler of the duration's deadline. No grace: this is the user's own bound. */
  timeIsUp(): void {
    const { records, leases, transitions } = this.#parts;
    if (!isWorking(records.session().status)) return;
    leases.end(IMPLICIT_TASK, 'lost', 'time_is_up');
    const seconds = records.spec().max_duration_seconds;
    const error = { code: 'timeout', message: `The session ran for its ${seconds} seconds.`, retryable: true };
    transitions.move('time_is_up', { reason: 'max_duration_seconds', error });
  }

  /** Cancels what is active, and leaves a tombstone. */
  remove(by: string): void {
    const { kit, records, projections, config } = this.#parts;
    if (!hasEnded(records.session().status)) this.#withdraw('cancel', `deleted by ${by}`);
    const now = kit.store.platform.now();
    records.update({ deleted_at: now });
    kit.deadlines.clear(DEADLINE.retire);
    kit.deadlines.set(DEADLINE.purge, now + config.deleted_retention_ms);
    projections.removed();
  }

  /** Handler of the purge's deadline: everything goes but the tombstone. */
  purge(): void {
    const { kit, records } = this.#parts;
    for (const table of PURGED) kit.store.rows(`DELETE FROM ${table}`);
    records.update({ result: null, error: null });
  }

  /** Adds a message: into the running turn, or to wait for the next. */
  send(request: SendMessageRequest, by: string): Outcome<MessageAccepted> {
    const { records, checkpoints } = this.#parts;
    const { status } = records.session();
    if (hasEnded(status)) {
      return refuse('illegal_transition', `A session that is ${status} takes no messages.`, {
        legal_actions: nextStatus(status, 'retry') ? ['retry'] : [],
      });
    }
    const done = checkpoints.toRestore('last')?.messages_done ?? 0;
    if (records.lastMessage() - done >= MAX_WAITING_MESSAGES) {
      return refuse('too_many_requests', `${MAX_WAITING_MESSAGES} messages wait already; let the agent catch up.`);
    }
    // With no turn to steer into it waits for the next one.
    const delivery = isWorking(status) ? (request.delivery ?? 'steer') : 'follow_up';
    return ok({ number: this.#addMessage(request.text, delivery, by), delivery });
  }

  requestCheckpoint(): Outcome<{ requested: true }> {
    const { records, commands } = this.#parts;
    const lease = records.liveLease(IMPLICIT_TASK);
    if (!lease)
      return refuse('no_running_agent', 'A checkpoint is made by the agent that runs the session; none does.');
    if (!commands.isWaiting(lease.task, 'checkpoint')) {
      commands.enqueue(lease.task, lease.epoch, { type: 'checkpoint', data: {} });
    }
    return ok({ requested: true });
  }

  #addMessage(text: string, delivery: MessageAccepted['delivery'], by: string): number {
    const { kit, records, log, commands } = this.#parts;
    const number = records.lastMessage() + 1;
    insertOrReplace(kit.store, 'messages', {
      number,
      task: IMPLICIT_TASK,
      text,
      delivery,
      at: kit.store.platform.now(),
    });
    log.append(IMPLICIT_TASK, { type: 'message.added', data: { number, text, delivery, by } });
    const lease = records.liveLease(IMPLICIT_TASK);
    if (lease) commands.enqueue(lease.task, lease.epoch, { type: 'message', number });
    return number;
  }

  /** A run begins: its clock, its result and its attempts are its own. */
  #begin(trigger: 'start' | 'retry', by: string): Outcome<null> {
    const { kit, records, leases, transitions } = this.#parts;
    const { run, usage } = records.session();
    records.update({
      run: run + 1,
      usage_before_run: usage,
      started_at: null,
      ended_at: null,
      active_ms: 0,
      share_done: 0,
    });
    records.updateTask(IMPLICIT_TASK, { attempts_used: 0, refused_by: '[]' });
    kit.deadlines.clear(DEADLINE.retire);
    transitions.move(trigger, { reason: `by ${by}` });
    leases.reserve();
    return ok(null);
  }

  #resume(by: string): Outcome<null> {
    this.#parts.transitions.move('resume', { reason: `by ${by}` });
    this.#parts.leases.reserve();
    return ok(null);
  }

  #retry({ from, message }: RetrySessionRequest, by: string): Outcome<null> {
    const { records, checkpoints } = this.#parts;
    if (typeof from === 'number' && !checkpoints.has(from)) {
      return refuse('not_found', `There is no checkpoint ${from}; the newest is ${checkpoints.newest()}.`);
    }
    records.updateTask(IMPLICIT_TASK, { restore: String(from) });
    if (message !== undefined) this.#addMessage(message, 'follow_up', by);
    return this.#begin('retry', by);
  }

  /** With an agent at work it is asked, and the session follows when it lets go; else it happens at once. */
  #pauseOrStop(action: 'pause' | 'stop', by: string, reason: string): Outcome<null> {
    const { records, commands, transitions } = this.#parts;
    const lease = records.liveLease(IMPLICIT_TASK);
    if (!lease) return this.#withdraw(action, reason);
    if (records.session().requested_action === action) return ok(null);
    transitions.request(action, by);
    commands.enqueue(lease.task, lease.epoch, { type: action, data: { within_ms: BOUNDARY_MS } });
    return ok(null);
  }

  #withdraw(action: 'pause' | 'stop' | 'cancel', reason: string): Outcome<null> {
    this.#parts.leases.end(IMPLICIT_TASK, 'lost', action);
    this.#parts.transitions.move(action, { reason });
    return ok(null);
  }

  #complete({ result }: CompleteSessionRequest, by: string): Outcome<null> {
    if (!result.success) {
      const message = result.summary ?? 'The executor reported no success.';
      return this.#fail({ error: { code: 'unsuccessful', message } }, by, result);
    }
    this.#parts.leases.end(IMPLICIT_TASK, 'lost', 'completed_outside');
    this.#parts.transitions.move('complete', { reason: `by ${by}`, result });
    return ok(null);
  }

  #fail({ error }: FailSessionRequest, by: string, result?: Record<string, unknown>): Outcome<null> {
    this.#parts.leases.end(IMPLICIT_TASK, 'lost', 'failed_outside');
    const full = { code: error.code ?? 'failed', message: error.message, retryable: error.retryable ?? false };
    this.#parts.transitions.move('fail', { reason: `by ${by}`, error: full, result });
    return ok(null);
  }

  #illegal(action: SessionAction): Outcome<null> {
    const { status } = this.#parts.records.session();
    return refuse('illegal_transition', explainIllegal(status, action), {
      legal_actions: legalActions(status),
    });
  }
}

const PURGED = [
  'spec',
  'tasks',
  'leases',
  'refusals',
  'event_batches',
  'log_base',
  'messages',
  'commands',
  'approvals',
  'always_rules',
  'checkpoints',
  'artifacts',
  'artifact_chunks',
  'idempotency',
] as const;
