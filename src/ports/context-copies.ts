import type { WorkspaceId } from '../protocol/common/ids.ts';
import type { ContextId } from '../protocol/context/context.ts';

/**
 * How long a copy stays that is not set again. If Redis is away while a context is deleted or gets a secret, readers may
 * get the old copy for this time.
 */
export const COPY_TTL_MS = 60_000;

/** A copy of a context, for reads that need not be of its very newest version. */
export interface ContextCopy {
  version: number;
  /** JSON of the API's view; null if its readers must ask the home, because it was deleted or has secrets. */
  text: string | null;
}

/**
 * Copies of contexts in Redis. Messages may be late, repeated and in any order, and copies may vanish at any time. Both
 * calls throw if Redis does not answer. Nothing depends on them: readers then ask the home.
 */
export interface ContextCopies {
  /** Stores a copy, unless there is one of a newer version. Of one version, a copy without text counts more. */
  set(workspace: WorkspaceId, id: ContextId, copy: ContextCopy, signal?: AbortSignal): Promise<void>;
  /** The copy; null if there is none. It gives up soon, because a person waits, and the home can answer. */
  get(workspace: WorkspaceId, id: ContextId): Promise<ContextCopy | null>;
}
