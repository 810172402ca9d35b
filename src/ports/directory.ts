import type { Outcome } from '../protocol/common/errors.ts';
import type { SessionId, WorkspaceId } from '../protocol/common/ids.ts';
import type { ListSessionsQuery, SessionList, SessionSummary } from '../protocol/session/list.ts';
import type { Call } from './calls.ts';
import type { JsonText } from './json-text.ts';

/**
 * A session's entry in its workspace's directory. `rev` grows with each change of the session. An entry with an older
 * `rev` than the stored one is ignored, so deliveries may be repeated and reordered.
 */
export interface DirectoryEntry {
  rev: number;
  summary: SessionSummary;
  /** This member and the next three are the inputs of `health_score`, which is computed when the list is read. */
  share_done: number;
  active_ms: number;
  active_since: number | null;
  max_duration_seconds: number;
  /** The text that `q` searches in addition to the title. */
  search_text: string;
}

/** A page, with the cursor that its text has too. */
export interface ListedSessions {
  text: JsonText<SessionList>;
  next_cursor: string | null;
}

/** The directory of a workspace's sessions. It can list, filter, search and sort them. */
export interface DirectoryApi {
  /** Stores the entry, unless a newer `rev` of the session is stored. */
  put(entry: DirectoryEntry): Promise<void>;
  /** Removes the entry and leaves a tombstone with `rev`. */
  remove(id: SessionId, rev: number): Promise<void>;
  /** A page of the sessions. Fails for the cursor of another order. */
  list(call: Call, query: ListSessionsQuery): Promise<Outcome<ListedSessions>>;
}

export interface Directories {
  of(workspace: WorkspaceId): DirectoryApi;
}
