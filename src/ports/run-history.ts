import type { SessionPriority, SessionStatus, SessionType } from '../protocol/common/enums.ts';
import type { Usage } from '../protocol/session/session.ts';

/** One finished run of a session: from a start or retry to a final (or stopped, failed, timed-out) status. */
export interface SessionRun {
  workspace: string;
  session_id: string;
  /** Counts a session's runs from 1: with `session_id` the key, so that delivery may repeat. */
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

/** Finished runs, for analysis. Kept in Postgres; a run recorded twice is there once. */
export interface RunHistory {
  /** @throws Rejected when the run will never be taken; anything else means 'not available now' */
  record(run: SessionRun, signal?: AbortSignal): Promise<void>;
  /** Oldest first. */
  runsOf(workspace: string, sessionId: string): Promise<SessionRun[]>;
}
