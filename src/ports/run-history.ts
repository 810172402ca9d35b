import type { SessionPriority, SessionStatus, SessionType } from '../protocol/common/enums.ts';
import type { Usage } from '../protocol/session/session.ts';

/** One finished run of a session: from a start or retry to a final (or stopped, failed, timed-out) status. */
export interface SessionRun {
  workspace: string;
  session_id: string;
  /** The run's number in its session, from 1. (`session_id`, `run`) is the key, so deliveries may be repeated. */
  run: number;
  title: string;
  session_type: SessionType;
  priority: SessionPriority;
  status: SessionStatus;
  attempts: number;
  agent_id: string | null;
  agent_name: string | null;
  started_at: string | null;
  ended_at: string;
  active_ms: number;
  usage: Usage;
  error_code: string | null;
}

/** Finished runs, stored in Postgres for analysis. A run that is recorded twice is stored once. */
export interface RunHistory {
  /** @throws Rejected when the run can never be stored; any other error when Postgres is not available now */
  record(run: SessionRun, signal?: AbortSignal): Promise<void>;
  /** A session's runs, oldest first. */
  runsOf(workspace: string, sessionId: string): Promise<SessionRun[]>;
}
