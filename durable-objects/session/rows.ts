import type { KnownAgent } from '../../src/domain/dispatch/pass.ts';
import type { Gate } from '../../src/domain/graph/gates.ts';
import type { Dependency } from '../../src/domain/graph/task-graph.ts';
import type { ClaimedLease } from '../../src/domain/lease/claim.ts';
import type { Intent, TaskFacts } from '../../src/domain/session/session-status.ts';
import type { AssignmentResult } from '../../src/ports/agent-registry.ts';
import type { ApprovalKind, SessionStatus, TaskKind, TaskPriority } from '../../src/protocol/common/enums.ts';
import { refuse } from '../../src/protocol/common/errors.ts';
import type { Rating } from '../../src/protocol/session/rating.ts';
import type { SessionError } from '../../src/protocol/session/session.ts';

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
  /** JSON: how far estimates are off, as the registry has measured it. It is asked once; null before its answer. */
  times: string | null;
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

/** The refusal of a request about a task that the session does not have. */
export const NO_SUCH_TASK = refuse('not_found', 'There is no such task in this session.');

/** Why the session or a task failed; null if it did not. */
export function readError({ error }: Pick<SessionRow | TaskRow, 'error'>): SessionError | null {
  return error === null ? null : (JSON.parse(error) as SessionError);
}

/** What blocks a task; null if nothing does. */
export function readBlockage({ blocked_by }: Pick<TaskRow, 'blocked_by'>): Blockage | null {
  return blocked_by === null ? null : (JSON.parse(blocked_by) as Blockage);
}

/** The tasks for which a task waits. */
export function dependenciesOf({ depends_on }: Pick<TaskRow, 'depends_on'>): Dependency[] {
  return depends_on === '[]' ? [] : JSON.parse(depends_on);
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
