import type { Call } from '../../src/ports/calls.ts';
import type {
  ActionRequest,
  ArtifactChunk,
  DiffSource,
  EvictionReason,
  RemoveOptions,
  SessionApi,
  TaskChange,
} from '../../src/ports/sessions.ts';
import { type Cursor, formatCursor } from '../../src/protocol/common/cursor.ts';
import { type Outcome, ok, refuse } from '../../src/protocol/common/errors.ts';
import { type SessionId, type TaskId, taskNumber, type WorkspaceId } from '../../src/protocol/common/ids.ts';
import { FIRST_PAGE } from '../../src/protocol/common/page.ts';
import { CLOSE } from '../../src/protocol/common/socket.ts';
import type { EventPage } from '../../src/protocol/events/envelope.ts';
import type { DecomposeTaskRequest } from '../../src/protocol/session/decomposition.ts';
import type { DeliverRequest } from '../../src/protocol/session/deliver.ts';
import type { RateTaskRequest } from '../../src/protocol/session/rating.ts';
import type { CreateSessionRequest, EndToolsRequest } from '../../src/protocol/session/requests.ts';
import type { SessionInclude, SessionView } from '../../src/protocol/session/session.ts';
import type { Task } from '../../src/protocol/session/task.ts';
import type { CreateGraphRequest } from '../../src/protocol/session/task-requests.ts';
import type { TaskTemplate } from '../../src/protocol/workspace/task-template.ts';
import { Calls } from '../kit/calls/calls.ts';
import { KEY_IS_TAKEN } from '../kit/calls/idempotency.ts';
import { nextTurn, waitAtMost } from '../kit/delivery/outbound.ts';
import type { ObjectPlatform } from '../kit/platform/platform.ts';
import { runAlarm } from '../kit/runtime.ts';
import { withoutEffect } from '../kit/storage/transact-outcome.ts';
import { instant, instantOrNull } from '../kit/text.ts';
import { buildParts } from './build-parts.ts';
import { DESTINATION, type SessionConfig } from './config.ts';
import type { SessionPorts } from './destinations.ts';
import { Transcripts } from './log/transcripts.ts';
import type { SessionParts } from './parts.ts';
import { LeaseCalls } from './run/lease-calls.ts';
import { SessionSockets } from './sockets.ts';

/** How long a response waits for the directory, so that the caller's next list has the change. */
const DIRECTORY_WAIT_MS = 250;

/** Builds a session's parts over a platform. */
export function buildSession(
  workspace: WorkspaceId,
  platform: ObjectPlatform,
  ports: SessionPorts,
  config: SessionConfig,
): SessionRuntime {
  const parts = buildParts(platform, ports, config);
  const exists = () => parts.records.find() !== null;
  return new SessionRuntime(workspace, parts, new Calls(parts.kit, { workspace, absent: NOT_FOUND, exists }));
}

/**
 * The runtime of a session (`SessionApi`). Calls come from the object's shell, or from a test. Each call is one
 * transaction, and everything for other objects goes through the outbox.
 */
export class SessionRuntime implements SessionApi {
  readonly parts: SessionParts;
  readonly sockets: SessionSockets;
  readonly leaseCalls: LeaseCalls;
  readonly #workspace: WorkspaceId;
  readonly #calls: Calls;
  readonly #transcripts: Transcripts;

  constructor(workspace: WorkspaceId, parts: SessionParts, calls: Calls) {
    this.#workspace = workspace;
    this.parts = parts;
    this.sockets = new SessionSockets(parts);
    this.#transcripts = new Transcripts(parts);
    this.leaseCalls = new LeaseCalls(parts, calls);
    this.#calls = calls;
  }

  /** Whether the session exists, and not only its tombstone. */
  get exists(): boolean {
    return this.parts.records.find() !== null;
  }

  async create(
    call: Call,
    id: SessionId,
    request: CreateSessionRequest,
    templates: readonly TaskTemplate[] = [],
  ): Promise<Outcome<SessionView>> {
    const { kit, actions, decompositions, views } = this.parts;
    const create = () => {
      actions.create(this.#workspace, id, request, call);
      decompositions.plan(request.plan, templates);
    };
    const outcome = this.#calls.answer('info', 'create', call, () => {
      // The id is derived from the idempotency key, so a repeated request finds the session and gets its present state.
      if (!kit.store.created) kit.store.create(create);
      else if (!actions.isSameRequest(call)) return KEY_IS_TAKEN;
      return this.exists ? ok(views.session()) : CREATED_BUT_DELETED;
    });
    await this.#directoryUpdated();
    return outcome;
  }

  async createdAt(call: Call): Promise<Outcome<string | null>> {
    const { kit, records } = this.parts;
    return this.#calls.answer('debug', 'createdAt', call, () =>
      ok(kit.store.created ? instant(records.session().created_at) : null),
    );
  }

  async endedAt(): Promise<string | null> {
    const { kit, records } = this.parts;
    return this.#calls.internal('debug', 'endedAt', {}, () => {
      if (!kit.store.created) return instant(0);
      const { ended_at, deleted_at } = records.session();
      return instantOrNull(deleted_at ?? ended_at);
    });
  }

  read(call: Call, include: SessionInclude[]): Promise<Outcome<SessionView>> {
    return this.#readAsHolder('read', call, () => ok(this.parts.views.session(include)));
  }

  update(
    call: Call,
    changes: Parameters<SessionApi['update']>[1],
    isMergePatch = false,
  ): Promise<Outcome<SessionView>> {
    return this.#change('update', call, () => {
      const done = this.parts.actions.update(changes, isMergePatch);
      return done.ok ? ok(this.parts.views.session()) : done;
    });
  }

  act(call: Call, request: ActionRequest): Promise<Outcome<SessionView>> {
    return this.#change(`act.${request.action}`, call, () => {
      const done = this.parts.actions.act(request, call.principal.token_id);
      return done.ok ? ok(this.parts.views.session()) : done;
    });
  }

  remove(call: Call): Promise<Outcome<null>> {
    return this.#change('remove', call, () => {
      this.parts.actions.remove(call.principal.token_id);
      this.parts.kit.store.afterCommit(() => this.parts.watchers.closeAll(CLOSE.deleted, 'the session was deleted'));
      return ok(null);
    });
  }

  send(call: Call, request: Parameters<SessionApi['send']>[1]): ReturnType<SessionApi['send']> {
    return this.#change('send', call, () => this.parts.messages.send(request, call.principal.token_id));
  }

  deliver(call: Call, request: DeliverRequest): ReturnType<SessionApi['deliver']> {
    return this.#change('deliver', call, () => this.parts.deliveries.request(request, call.principal.token_id));
  }

  approvals(call: Call, page = FIRST_PAGE): ReturnType<SessionApi['approvals']> {
    return this.#read('approvals', call, () => this.parts.views.approvalsPage(page));
  }

  answer(call: Call, id: string, request: Parameters<SessionApi['answer']>[2]): ReturnType<SessionApi['answer']> {
    return this.#change('answer', call, () => {
      const answered = this.parts.approvals.answer(id, request, call.principal.token_id);
      if (answered.ok) this.parts.decisions.decided(answered.value);
      return answered;
    });
  }

  events(call: Call, after: Cursor | null, limit: number): Promise<Outcome<EventPage>> {
    return this.#read('events', call, () => {
      const { incarnation, floor_seq } = this.parts.records.session();
      const known = after !== null && after.incarnation === incarnation;
      const usable = known && after.seq >= floor_seq && after.seq <= this.parts.log.head();
      const { events, last, hasMore } = this.parts.log.page(usable ? after.seq : floor_seq, limit);
      return ok({
        items: events,
        cursor: formatCursor({ incarnation, seq: last }),
        has_more: hasMore,
        reset: after === null ? floor_seq > 0 : !usable,
      });
    });
  }

  async transcript(call: Call, page = FIRST_PAGE): ReturnType<SessionApi['transcript']> {
    // A log can be a gigabyte long. Other requests are answered between its pages.
    while (this.parts.records.find() !== null && this.#transcripts.foldPage()) await nextTurn();
    return this.#read('transcript', call, () => this.#transcripts.page(page));
  }

  checkpoints(call: Call, page = FIRST_PAGE): ReturnType<SessionApi['checkpoints']> {
    return this.#read('checkpoints', call, () => this.parts.views.checkpointsPage(page));
  }

  requestCheckpoint(call: Call): Promise<Outcome<{ requested: true }>> {
    return this.#change('requestCheckpoint', call, () => this.parts.actions.requestCheckpoint());
  }

  createTasks(call: Call, request: CreateGraphRequest): ReturnType<SessionApi['createTasks']> {
    return this.#change('createTasks', call, () => this.parts.newTasks.create(request));
  }

  tasks(call: Call, page = FIRST_PAGE): ReturnType<SessionApi['tasks']> {
    return this.#read('tasks', call, () => this.parts.taskViews.page(page));
  }

  task(call: Call, id: TaskId, withSubtasks: boolean): ReturnType<SessionApi['task']> {
    return this.#read('task', call, () => this.parts.taskViews.task(taskNumber(id), withSubtasks));
  }

  graph(call: Call, agents?: number): ReturnType<SessionApi['graph']> {
    return this.#read('graph', call, () => ok(this.parts.taskViews.graph(agents)));
  }

  changeTask(call: Call, id: TaskId, change: TaskChange): ReturnType<SessionApi['changeTask']> {
    return this.#change(`changeTask.${change.type}`, call, () => {
      const { taskEdits, taskActions, taskViews } = this.parts;
      const number = taskNumber(id);
      const { token_id } = call.principal;
      const done =
        change.type === 'status' || change.type === 'retry'
          ? taskActions.act(number, change, token_id)
          : taskEdits.edit(number, change);
      return done.ok ? taskViews.task(number, false) : done;
    });
  }

  decompose(
    call: Call,
    id: TaskId,
    request: DecomposeTaskRequest,
    templates: readonly TaskTemplate[],
  ): ReturnType<SessionApi['decompose']> {
    const split = (): Outcome<Task> => {
      const { decompositions, taskViews } = this.parts;
      const done = decompositions.decompose(taskNumber(id), request, templates);
      return done.ok ? taskViews.task(taskNumber(id), true) : done;
    };
    if (!request.preview) return this.#change('decompose', call, split);
    return this.#read('decompose.preview', call, () => withoutEffect(this.parts.kit.store, split));
  }

  removeTask(call: Call, id: TaskId, options: RemoveOptions): ReturnType<SessionApi['removeTask']> {
    return this.#change('removeTask', call, () => this.parts.taskEdits.remove(taskNumber(id), options));
  }

  dependencies(call: Call, id: TaskId): ReturnType<SessionApi['dependencies']> {
    return this.#read('dependencies', call, () => this.parts.taskViews.dependencies(taskNumber(id)));
  }

  endTools(call: Call, request: EndToolsRequest): ReturnType<SessionApi['endTools']> {
    return this.#change('endTools', call, () => this.parts.actions.endTools(request));
  }

  rate(call: Call, taskId: TaskId, request: RateTaskRequest): ReturnType<SessionApi['rate']> {
    return this.#change('rate', call, () =>
      this.parts.assignments.rate(taskNumber(taskId), request, call.principal.token_id),
    );
  }

  diff(call: Call): Promise<Outcome<DiffSource>> {
    return this.#read('diff', call, () => ok(this.parts.checkpoints.diff()));
  }

  artifactChunk(call: Call, artifactId: string, index: number): Promise<Outcome<ArtifactChunk>> {
    return this.#readAsHolder('artifactChunk', call, () => this.parts.artifacts.chunk(artifactId, index));
  }

  files(call: Call, page = FIRST_PAGE): ReturnType<SessionApi['files']> {
    return this.#read('files', call, () => this.parts.files.page(page));
  }

  async evict(taskId: TaskId, epoch: number, reason: EvictionReason): Promise<void> {
    const { kit, records, tasks } = this.parts;
    this.#calls.internal('info', 'evict', { task_id: taskId, epoch, reason }, () => {
      if (kit.store.created && records.find() !== null) {
        kit.store.transact(() => {
          if (reason === 'rebalanced') tasks.askToMove(taskNumber(taskId), epoch);
          else tasks.evict(taskNumber(taskId), epoch, reason);
        });
      }
    });
  }

  alarm(): void {
    runAlarm(this.parts.kit, this.parts.overdue.handle);
  }

  async #read<T>(method: string, call: Call, read: () => Outcome<T>): Promise<Outcome<T>> {
    return this.#calls.read(method, call, read);
  }

  /** A token of an agent reads only while a lease of the session is claimed with it. */
  #readAsHolder<T>(method: string, call: Call, read: () => Outcome<T>): Promise<Outcome<T>> {
    const { role, token_id } = call.principal;
    const mayRead = () => role !== 'agent' || this.parts.records.liveLeases().some((l) => l.token_id === token_id);
    return this.#read(method, call, () => (mayRead() ? read() : NOT_THE_HOLDERS_TOKEN));
  }

  async #change<T>(method: string, call: Call, change: () => Outcome<T>): Promise<Outcome<T>> {
    const outcome = this.#calls.change(method, call, () => this.#whyStale(call) ?? change());
    if (outcome.ok) await this.#directoryUpdated();
    return outcome;
  }

  /** The failure of a call that is meant for another version; null otherwise. A repeated call never comes here. */
  #whyStale({ if_match }: Call): Outcome<never> | null {
    const { version } = this.parts.records.session();
    if (if_match === undefined || if_match.includes(version)) return null;
    const detail = `The session has changed: its ETag is now "${version}". Read it again before you change it.`;
    return refuse('precondition_failed', detail, { current: { version } });
  }

  #directoryUpdated(): Promise<void> {
    return waitAtMost(DIRECTORY_WAIT_MS, this.parts.kit.outbox.settled(DESTINATION.directory));
  }
}

const NOT_FOUND = refuse('not_found', 'There is no such session in this workspace.');

const NOT_THE_HOLDERS_TOKEN = refuse(
  'forbidden',
  'An agent reads a session only while it works on it. Claim a lease of the session with this token first.',
);

const CREATED_BUT_DELETED = refuse(
  'not_found',
  'The session that this Idempotency-Key created was deleted. Choose a new key.',
);
