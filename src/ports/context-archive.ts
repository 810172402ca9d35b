import type { WorkspaceId } from '../protocol/common/ids.ts';
import type { ContextId, ContextSummary } from '../protocol/context/context.ts';
import type { ContextFilter } from '../protocol/context/list.ts';

/** What the home of a context tells Postgres. */
export interface ContextRecord extends ContextSummary {
  workspace: WorkspaceId;
  /** The names of its members, for searches. Values are not searched, because some of them are secret. */
  keys: string;
  /** JSON of the data; null while only the home has it. */
  data: string | null;
  /** JSON of the versions that can be read, for the home to go on with; null unless the context is retired. */
  history: string | null;
}

/** The newest version of a context that is in Postgres. Whose it is, its home knows. */
export type StoredContext = Pick<ContextSummary, 'version' | 'updated_at' | 'updated_by'> & { data: string };

/** Where a page of a list begins: after this item. */
export type ContextPosition = Pick<ContextSummary, 'created_at' | 'id'>;

/**
 * Contexts in Postgres: what lists show of all of them, the data of global ones, and data and history of retired ones.
 *
 * Messages may be late, repeated and in any order. A message counts only if its version is newer than the stored one. Of
 * one version, data counts more than none, a history more than data, and the removal most.
 *
 * Every call throws `Rejected` if Postgres does not accept the values, and another error if it is not available now.
 */
export interface ContextArchive {
  /** @returns whether Postgres has this version with as much as the record has, or a newer one */
  put(record: ContextRecord, signal?: AbortSignal): Promise<boolean>;
  /** Takes the context from lists, and deletes its data. @param version its last one */
  remove(workspace: WorkspaceId, id: ContextId, version: number, signal?: AbortSignal): Promise<void>;
  /** The newest data that Postgres has; null if it has none. */
  read(workspace: WorkspaceId, id: ContextId, signal?: AbortSignal): Promise<StoredContext | null>;
  /** The history of a retired context with its version; null if Postgres has none. */
  history(
    workspace: WorkspaceId,
    id: ContextId,
    signal?: AbortSignal,
  ): Promise<{ version: number; history: string } | null>;
  /** The contexts of a workspace, the youngest first. @param after null begins with the youngest one */
  list(
    workspace: WorkspaceId,
    filter: ContextFilter,
    after: ContextPosition | null,
    limit: number,
  ): Promise<ContextSummary[]>;
}
