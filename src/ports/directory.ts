import type { Outcome } from '../protocol/common/errors.ts';
import type { SessionId, WorkspaceId } from '../protocol/common/ids.ts';
import type { ListSessionsQuery, SessionList, SessionSummary } from '../protocol/session/list.ts';
import type { Call } from './calls.ts';

/**
 * A session's line in its workspace's directory. `rev` grows with each change of the session: an older one than what
 * is stored changes nothing, so delivery may repeat and reorder.
 */
export interface DirectoryEntry {
  rev: number;
  summary: SessionSummary;
  /** What `health_score` is computed from when the list is read. */
  share_done: number;
  active_ms: number;
  active_since: number | null;
  max_duration_seconds: number;
  /** Text that `q` finds besides the title. */
  search_text: string;
}

/** The directory of a workspace's sessions: list, filter, search. */
export interface DirectoryApi {
  put(workspace: WorkspaceId, entry: DirectoryEntry): Promise<void>;
  /** Leaves a tombstone at `rev`. */
  remove(workspace: WorkspaceId, id: SessionId, rev: number): Promise<void>;
  list(call: Call, query: ListSessionsQuery): Promise<Outcome<SessionList>>;
}

export interface Directories {
  of(workspace: WorkspaceId): DirectoryApi;
}
