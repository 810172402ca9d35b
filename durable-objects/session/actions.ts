import { sessionChanges } from '../../src/domain/session/session-changes.ts';
import {
  explainIllegal,
  hasEnded,
  isWorking,
  legalActions,
  nextStatus,
} from '../../src/domain/session/session-machine.ts';
import { isToDo } from '../../src/domain/session/session-status.ts';
import { NO_USAGE } from '../../src/domain/session/usage.ts';
import type { Call } from '../../src/ports/calls.ts';
import type { ActionRequest } from '../../src/ports/sessions.ts';
import type { SessionAction } from '../../src/protocol/common/enums.ts';
import { type Outcome, ok, refuse } from '../../src/protocol/common/errors.ts';
import { IMPLICIT_TASK, type SessionId, WHOLE_SESSION } from '../../src/protocol/common/ids.ts';
import type {
  CompleteSessionRequest,
  CreateSessionRequest,
  EndToolsRequest,
  EndToolsRequested,
  FailSessionRequest,
  RetrySessionRequest,
  UpdateSessionRequest,
} from '../../src/protocol/session/requests.ts';
import { ChoiceMembers } from '../../src/protocol/session/requirements.ts';
import { deleteSome } from '../kit/storage/purge.ts';
import { instant } from '../kit/text.ts';
import { DEADLINE } from './config.ts';
import { NOBODY_HEARS } from './messages.ts';
import type { SessionParts } from './parts.ts';
import type { ModelRetry, SessionRow } from './rows.ts';

type Needs = Pick<
  SessionParts,
  | 'config'
  | 'kit'
  | 'records'
  | 'details'
  | 'graph'
  | 'storedGraph'
  | 'log'
  | 'messages'
  | 'runs'
  | 'tasks'
  | 'transitions'
  | 'commands'
  | 'projections'
>;

/**
 * The actions of people and programs. Each method runs inside a transaction, checks the action against the transition
 * table, and sets the intent. The tasks carry it out.
 */
export class Actions {
  readonly #parts: Needs;

  constructor(parts: Needs) {
    this.#parts = parts;
  }

  /** Creates the session, its implicit task and its first message. */
  create(workspace: string, id: SessionId, request: CreateSessionRequest, call: Call): void {
    const { kit, records, storedGraph, log, messages, projections } = this.#parts;
    const { platform } = kit.store;
    const now = platform.now();
    const row: Omit<SessionRow, 'spec'> = {
      workspace,
      id,
      incarnation: platform.uuid().slice(0, 8),
      status: 'pending',
      intent: 'none',
      requested_at: null,
      run: 0,
      rev: 0,
      version: 1,
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
      offer_secret: platform.uuid() + platform.uuid(),
      graph_version: 1,
      last_task: IMPLICIT_TASK,
      lease_costs: '{}',
      times: null,
      base_commit: null,
      delivery: null,
    };
    records.create(row, request);
    storedGraph.add(request.title, { number: IMPLICIT_TASK });
    log.append(WHOLE_SESSION, { type: 'session.created', data: { title: request.title } });
    messages.add(IMPLICIT_TASK, request.initial_prompt, 'follow_up', call.principal.token_id);
    projections.changed();
  }

  /** Whether a create request repeats the one that created this session. */
  isSameRequest({ idempotency }: Call): boolean {
    return this.#parts.records.session().created_with === (idempotency?.fingerprint ?? null);
  }

  update(request: UpdateSessionRequest, isMergePatch: boolean): Outcome<null> {
    const { records, details, log, tasks, transitions, projections } = this.#parts;
    const { data: changes, error } = sessionChanges(records.spec(), request, isMergePatch);
    if (error) {
      const errors = error.issues.map(({ path, message }) => ({ path: path.join('.'), message }));
      return refuse('validation_failed', 'The metadata is too long after the change. Remove some of it.', { errors });
    }
    const { status } = records.session();
    if (changes.checks && hasEnded(status) && nextStatus(status, 'retry') === null) {
      return refuse(
        'illegal_transition',
        `The session is ${status}, so its checks run no more. Retry one of its tasks first.`,
      );
    }
    if (changes.checks) details.keepChecks();
    records.updateSpec(changes as Partial<CreateSessionRequest>);
    records.update({ version: records.session().version + 1 });
    log.append(WHOLE_SESSION, { type: 'session.updated', data: changes });
    const told = { ...ChoiceMembers().shape, priority: true, allow_rebalance: true };
    if (Object.keys(changes).some((member) => member in told)) tasks.askAgain();
    // More of the ready tasks may ask for an agent now.
    if (changes.max_parallel !== undefined && !hasEnded(status)) transitions.settle({ reason: 'updated' });
    projections.changed();
    return ok(null);
  }

  /** Checks the action against the transition table, then performs it. */
  act(request: ActionRequest, by: string): Outcome<null> {
    const { records, runs } = this.#parts;
    const { status } = records.session();
    if (nextStatus(status, request.action) === null) return this.#illegal(request.action);
    switch (request.action) {
      case 'start':
        return this.#start(by);
      case 'resume':
        runs.resume(by);
        break;
      case 'retry':
        return this.#retry(request.body, by);
      case 'pause':
        runs.hold('pause', by, `by ${by}`);
        break;
      case 'stop':
        runs.hold('stop', by, request.body.reason ?? `by ${by}`);
        break;
      case 'cancel':
        runs.close('cancel', 'cancel', { reason: `by ${by}` });
        break;
      case 'complete':
        this.#complete(request.body, by);
        break;
      case 'fail':
        this.#fail(request.body, by);
        break;
    }
    return ok(null);
  }

  /** Ends the session at its time limit. */
  timeIsUp(): void {
    const { records, runs } = this.#parts;
    if (!isWorking(records.session().status)) return;
    const seconds = records.spec().max_duration_seconds;
    const message = `The session reached its time limit of ${seconds} seconds${this.#whatItWaitedFor()}.`;
    const error = { code: 'timeout', message, retryable: true };
    runs.close('time_out', 'time_is_up', { reason: 'max_duration_seconds', error });
  }

  /** A clause that says why the session was degraded; empty if it was not. */
  #whatItWaitedFor(): string {
    const degraded = this.#parts.records.tasks().find(({ degraded_by }) => degraded_by !== null);
    if (degraded?.degraded_by === 'quiet') return ' while its agent was silent';
    if (degraded?.degraded_by !== 'retry' || degraded.retry === null) return '';
    const { message, until } = JSON.parse(degraded.retry) as ModelRetry;
    return ` while its model failed and was to be asked again at ${instant(until)}. The model says: “${message}”`;
  }

  /** Cancels an active session, and leaves a tombstone. */
  remove(by: string): void {
    const { kit, records, runs, projections, config } = this.#parts;
    runs.remove(hasEnded(records.session().status), { reason: `deleted by ${by}` });
    const now = kit.store.platform.now();
    records.update({ deleted_at: now });
    kit.deadlines.clear(DEADLINE.retire);
    kit.deadlines.set(DEADLINE.purge, now + config.deleted_retention_ms);
    projections.removed();
  }

  /** The handler of the purge's deadline: deletes everything except the tombstone, some rows of a table at a time. */
  purge(): void {
    const { kit, records } = this.#parts;
    for (const [table, key] of Object.entries(PURGED)) {
      if (!deleteSome(kit.store, table, key, PURGED_AT_A_TIME)) continue;
      records.purged();
      return kit.deadlines.set(DEADLINE.purge, kit.store.platform.now() + 1);
    }
    records.purged();
    records.update({ spec: '{}', result: null, error: null });
  }

  /** Asks the working agents for a checkpoint. */
  requestCheckpoint(): Outcome<{ requested: true }> {
    if (this.#parts.runs.requestCheckpoint()) return ok({ requested: true });
    const detail = 'No agent is running this session, so no checkpoint can be taken. Start or resume it first.';
    return refuse('no_running_agent', detail);
  }

  /** Asks the working agents to end running commands. */
  endTools(request: EndToolsRequest): Outcome<EndToolsRequested> {
    const { records, commands } = this.#parts;
    const command = { type: 'end_tools', data: request } as const;
    const leases = records.liveLeases();
    const asked = leases.filter(({ task, epoch }) => commands.canReach(task, epoch, command));
    for (const { task, epoch } of asked) commands.enqueueOnce(task, epoch, command);
    if (asked.length > 0) return ok({ requested: true });
    if (leases.length === 0) return refuse('no_running_agent', 'No agent is running this session, so no command runs.');
    const detail = 'The agent of this session is not connected. Try again when it is back, or name the call to end.';
    return refuse('no_running_agent', detail);
  }

  #start(by: string): Outcome<null> {
    const { graph, runs } = this.#parts;
    if (!graph.leaves().some(isToDo)) {
      return refuse('illegal_transition', 'All tasks of the session have ended. Add one, or retry one of them.');
    }
    runs.begin(by);
    return ok(null);
  }

  #retry({ from, message }: RetrySessionRequest, by: string): Outcome<null> {
    const { runs, messages } = this.#parts;
    if (message !== undefined && !messages.isHeard()) return refuse('illegal_transition', NOBODY_HEARS);
    const problem = runs.restoreFrom(from);
    if (problem !== null) return refuse('not_found', problem);
    if (message !== undefined) messages.followUp(message, by);
    runs.begin(by);
    return ok(null);
  }

  #complete({ result }: CompleteSessionRequest, by: string): void {
    if (result.success) {
      return this.#parts.runs.close('complete', 'completed_outside', { reason: `by ${by}`, result });
    }
    const message = result.summary ?? 'The result reports a failure, without a summary.';
    this.#fail({ error: { code: 'unsuccessful', message } }, by, result);
  }

  #fail({ error }: FailSessionRequest, by: string, result?: Record<string, unknown>): void {
    const full = { code: error.code ?? 'failed', message: error.message, retryable: error.retryable ?? false };
    this.#parts.runs.close('fail', 'failed_outside', { reason: `by ${by}`, error: full, result });
  }

  #illegal(action: SessionAction): Outcome<null> {
    const { status } = this.#parts.records.session();
    return refuse('illegal_transition', explainIllegal(status, action), {
      legal_actions: legalActions(status),
    });
  }
}

const PURGED = {
  event_batches: 'seq',
  artifact_chunks: 'artifact, number',
  artifacts: 'id',
  checkpoints: 'number',
  approvals: 'id',
  messages: 'number',
  commands: 'id',
  log_base: 'part',
  idempotency: 'key',
  always_rules: 'permission, pattern',
  refusals: 'task, epoch, connection',
  leases: 'task',
  task_details: 'task',
  tasks: 'number',
} as const;
/** A row has at most a megabyte, and most have far less. */
const PURGED_AT_A_TIME = 100;
