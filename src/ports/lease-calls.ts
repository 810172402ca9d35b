import type { Outcome } from '../protocol/common/errors.ts';
import type { TaskId } from '../protocol/common/ids.ts';
import type { AgentFrame } from '../protocol/run/frames.ts';
import type {
  LeaseReport,
  OfferedAssignment,
  ReleaseLeaseRequest,
  ReportConflictRequest,
  ReportResultRequest,
  ResultReport,
} from '../protocol/run/reports.ts';
import type { Call } from './calls.ts';

/** A lease, or an offer that is to become one. */
export interface LeaseKey {
  task_id: TaskId;
  epoch: number;
}

/** An offer of the registry to an agent without sockets. */
export interface ProvenOffer extends LeaseKey {
  agent_name: string;
  /** The root commit of the agent's clone. */
  repository: string | null;
  /** When the offer lapses, in ms since the epoch. */
  offered_until: number;
  /** See `present` of the run socket. */
  proof: string;
}

/** An offer to an agent that has asked for work, and whether it merges works. */
export interface ClaimedOffer extends ProvenOffer {
  can_merge: boolean;
}

/** Frames of an agent, in one request. If one of them cannot be used, none is. */
export interface FrameReport {
  frames: readonly AgentFrame[];
  /** The agent has handled the commands up to this one. */
  acknowledged_command?: number | undefined;
}

/** The calls of agents without sockets, whose own token names them, on the session of a task. */
export interface LeaseCallsApi {
  /** The agent that holds a lease with the caller's token. Fails with `stale_lease` if the caller does not hold it. */
  heldLease(call: Call, lease: LeaseKey): Promise<Outcome<{ agent_id: string }>>;
  /** Hands an offered task out. This is no lease yet: the agent's first report takes it. Fails with `lease_gone`. */
  handOut(call: Call, offer: ClaimedOffer): Promise<Outcome<OfferedAssignment>>;
  report(call: Call, lease: LeaseKey, report: FrameReport): Promise<Outcome<LeaseReport>>;
  reportResult(call: Call, lease: LeaseKey, result: ReportResultRequest): Promise<Outcome<ResultReport>>;
  reportConflict(call: Call, lease: LeaseKey, conflict: ReportConflictRequest): Promise<Outcome<null>>;
  releaseLease(call: Call, lease: LeaseKey, request: ReleaseLeaseRequest): Promise<Outcome<null>>;
}
