import type { Cursor } from '../protocol/common/cursor.ts';
import type { Outcome } from '../protocol/common/errors.ts';
import type { SessionId, TaskId, WorkspaceId } from '../protocol/common/ids.ts';
import type { Page, PageQuery } from '../protocol/common/page.ts';
import type { EventPage } from '../protocol/events/envelope.ts';
import type { FileView } from '../protocol/run/reports.ts';
import type { ApprovalView } from '../protocol/session/approval.ts';
import type { CheckpointView, DiffFile } from '../protocol/session/checkpoint.ts';
import type { DecomposeTaskRequest } from '../protocol/session/decomposition.ts';
import type { BranchDelivery, DeliverRequest } from '../protocol/session/deliver.ts';
import type { FinishedAssignment, RateTaskRequest } from '../protocol/session/rating.ts';
import type {
  AnswerApprovalRequest,
  CompleteSessionRequest,
  CreateSessionRequest,
  EndToolsRequest,
  EndToolsRequested,
  FailSessionRequest,
  MessageAccepted,
  RetrySessionRequest,
  SendMessageRequest,
  StopSessionRequest,
  UpdateSessionRequest,
} from '../protocol/session/requests.ts';
import type { SessionInclude, SessionView } from '../protocol/session/session.ts';
import type { GraphCreated, SessionGraph, Task, TaskView } from '../protocol/session/task.ts';
import type {
  AddDependencyRequest,
  RetryTaskRequest,
  TaskDependencies,
  UpdateTaskRequest,
  UpdateTaskStatusRequest,
} from '../protocol/session/task-changes.ts';
import type { CreateGraphRequest } from '../protocol/session/task-requests.ts';
import type { TranscriptPage } from '../protocol/session/transcript-page.ts';
import type { TaskTemplate } from '../protocol/workspace/task-template.ts';
import type { Call } from './calls.ts';
import type { LeaseCallsApi } from './lease-calls.ts';
import type { TokenSockets } from './sockets.ts';

/** An action with its body. The author and the time come from the call. */
export type ActionRequest =
  | { action: 'start' | 'pause' | 'resume' | 'cancel' }
  | { action: 'stop'; body: StopSessionRequest }
  | { action: 'complete'; body: CompleteSessionRequest }
  | { action: 'fail'; body: FailSessionRequest }
  | { action: 'retry'; body: RetrySessionRequest };

/** A change of one task, with its body. */
export type TaskChange =
  | { type: 'update'; body: UpdateTaskRequest }
  | { type: 'add_dependency'; body: AddDependencyRequest }
  | { type: 'remove_dependency'; body: { depends_on_task_id: TaskId; graph_version?: number | undefined } }
  | { type: 'status'; body: UpdateTaskStatusRequest }
  | { type: 'retry'; body: RetryTaskRequest };

/** `cascade`: whether the tasks that depend on it are removed too. */
export interface RemoveOptions {
  cascade: boolean;
  graph_version?: number | undefined;
}

/** A diff. Its patch is the artifact. */
export interface DiffSource {
  checkpoint: number | null;
  base_commit: string | null;
  commit?: string | undefined;
  files: DiffFile[];
  local_only: boolean;
  /** The parts of the work that the checkpoint does not contain, one phrase each. */
  lacks?: string[] | undefined;
  artifact_id: string | null;
}

/** A part of an artifact, in base64, and of how many it consists. Once there are fewer, it is being deleted. */
export interface ArtifactChunk {
  data: string;
  chunks: number;
}

/**
 * Why a lease leaves its agent. `agent_drained`: at once, because the agent may not keep it. `rebalanced`: the agent has
 * too much to do. If the session allows it, the agent is asked to save a checkpoint and let the task go.
 */
export type EvictionReason = 'agent_drained' | 'rebalanced';

/**
 * One session. If the session does not exist or belongs to another workspace, every call except `create` and
 * `createdAt` fails with `not_found` and writes nothing.
 */
export interface SessionApi {
  /**
   * Creates the session. If the same request created it before, returns the session as it is now.
   * @param templates those that the workspace has added, if the request has a `plan`
   */
  create(
    call: Call,
    id: SessionId,
    request: CreateSessionRequest,
    templates?: readonly TaskTemplate[],
  ): Promise<Outcome<SessionView>>;
  /** When the session was created (ISO 8601), even if it has been deleted since; null if it never was. */
  createdAt(call: Call): Promise<Outcome<string | null>>;
  /**
   * When the session ended or was deleted (ISO 8601); null while it has not ended. Of a session that never was, the
   * beginning of 1970. Only other objects call it.
   */
  endedAt(): Promise<string | null>;
  /**
   * Takes a lease from its agent: the task goes on with another agent, at no cost of an attempt. Does nothing if the
   * lease has ended. Only the registry calls it.
   */
  evict(taskId: TaskId, epoch: number, reason: EvictionReason): Promise<void>;
  read(call: Call, include: SessionInclude[]): Promise<Outcome<SessionView>>;
  /** @param isMergePatch whether `metadata` is merged (RFC 7396) instead of replaced */
  update(call: Call, changes: UpdateSessionRequest, isMergePatch?: boolean): Promise<Outcome<SessionView>>;
  act(call: Call, request: ActionRequest): Promise<Outcome<SessionView>>;
  /** Deletes softly: cancels an active session, makes it `not_found`, and purges it after the retention period. */
  remove(call: Call): Promise<Outcome<null>>;
  send(call: Call, request: SendMessageRequest): Promise<Outcome<MessageAccepted>>;
  /** Asks for the delivery of the work: when the session has completed, or now if it has ended. */
  deliver(call: Call, request: DeliverRequest): Promise<Outcome<BranchDelivery>>;
  /** A page of the approvals, open ones first; by default the first one. */
  approvals(call: Call, page?: PageQuery): Promise<Outcome<Page<ApprovalView>>>;
  answer(call: Call, approvalId: string, request: AnswerApprovalRequest): Promise<Outcome<ApprovalView>>;
  /** @param after null reads from the floor of the log */
  events(call: Call, after: Cursor | null, limit: number): Promise<Outcome<EventPage>>;
  /** A page of the transcript, oldest first; by default the first one. */
  transcript(call: Call, page?: PageQuery): Promise<Outcome<TranscriptPage>>;
  /** A page of the checkpoints, oldest first; by default the first one. */
  checkpoints(call: Call, page?: PageQuery): Promise<Outcome<Page<CheckpointView>>>;
  /** Asks the agent for a checkpoint. It will appear in the log. */
  requestCheckpoint(call: Call): Promise<Outcome<{ requested: true }>>;
  /** Asks the agent to end running commands and to continue the turn. */
  endTools(call: Call, request: EndToolsRequest): Promise<Outcome<EndToolsRequested>>;
  /** Creates tasks with their dependencies: all of them or none. */
  createTasks(call: Call, request: CreateGraphRequest): Promise<Outcome<GraphCreated>>;
  changeTask(call: Call, id: TaskId, change: TaskChange): Promise<Outcome<Task>>;
  /** Splits a task. @param templates those that the workspace has added @returns the task with its subtasks */
  decompose(
    call: Call,
    id: TaskId,
    request: DecomposeTaskRequest,
    templates: readonly TaskTemplate[],
  ): Promise<Outcome<Task>>;
  removeTask(call: Call, id: TaskId, options: RemoveOptions): Promise<Outcome<null>>;
  dependencies(call: Call, id: TaskId): Promise<Outcome<TaskDependencies>>;
  /** A page of the tasks, oldest first; by default the first one. */
  tasks(call: Call, page?: PageQuery): Promise<Outcome<Page<TaskView>>>;
  task(call: Call, id: TaskId, withSubtasks: boolean): Promise<Outcome<Task>>;
  /** The graph of the tasks. @param agents with how many to predict; by default as many as may work at a time */
  graph(call: Call, agents?: number): Promise<Outcome<SessionGraph>>;
  /** Rates the last finished assignment of a task. The newest rating counts. */
  rate(call: Call, taskId: TaskId, request: RateTaskRequest): Promise<Outcome<FinishedAssignment>>;
  diff(call: Call): Promise<Outcome<DiffSource>>;
  /** The chunk `index` of an artifact, in base64. */
  artifactChunk(call: Call, artifactId: string, index: number): Promise<Outcome<ArtifactChunk>>;
  /** A page of the files of the results, by path; by default the first one. */
  files(call: Call, page?: PageQuery): Promise<Outcome<Page<FileView>>>;
}

/** Finds a session's object by its name, without a lookup. */
export interface Sessions {
  at(workspace: WorkspaceId, id: SessionId): SessionApi & LeaseCallsApi & TokenSockets;
}
