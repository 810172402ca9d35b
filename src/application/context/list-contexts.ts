import type { ContextArchive, ContextPosition } from '../../ports/context-archive.ts';
import { errorFields, type Logger } from '../../ports/logger.ts';
import { type Outcome, ok, refuse } from '../../protocol/common/errors.ts';
import type { WorkspaceId } from '../../protocol/common/ids.ts';
import { Instant } from '../../protocol/common/instant.ts';
import { formatListCursor, parseListCursor } from '../../protocol/common/page.ts';
import { ContextId } from '../../protocol/context/context.ts';
import type { ContextList, ListContextsQuery } from '../../protocol/context/list.ts';

const LIST = 'contexts';
/** How long a caller waits before it asks again whether there is a database. */
const WITHOUT_DATABASE_SECONDS = 300;
const DATABASE_AWAY_SECONDS = 10;

interface Dependencies {
  contextArchive: ContextArchive | null;
  logger: Logger;
}

/** A page of the contexts of a workspace, from Postgres. Without it, the answer is `unavailable`. */
export async function listContexts(
  { contextArchive, logger }: Dependencies,
  workspace: WorkspaceId,
  { cursor, page_size, ...filter }: ListContextsQuery,
): Promise<Outcome<ContextList>> {
  if (!contextArchive) {
    const detail = 'Lists of contexts are in Postgres, and this deployment has none. Read contexts by their ids.';
    return refuse('unavailable', detail, { retry_after_seconds: WITHOUT_DATABASE_SECONDS });
  }
  const after = cursor === undefined ? null : positionOf(cursor);
  if (after === undefined) {
    const errors = [{ path: 'cursor', message: 'must be the next_cursor of a page of this list' }];
    return refuse('validation_failed', 'The query is invalid. Its errors say how to correct it.', { errors });
  }
  try {
    const items = await contextArchive.list(workspace, filter, after, page_size + 1);
    const page = items.slice(0, page_size);
    const last = page.at(-1);
    const next_cursor = last && items.length > page_size ? formatListCursor(LIST, [last.created_at, last.id]) : null;
    return ok({ items: page, next_cursor });
  } catch (error) {
    logger('warn', 'context_list_unavailable', errorFields(error));
    const detail = 'Lists of contexts are in Postgres, which does not answer now. Contexts can be read by their ids.';
    return refuse('unavailable', detail, { retry_after_seconds: DATABASE_AWAY_SECONDS });
  }
}

/** The position in a cursor; undefined if it is none of this list. */
function positionOf(cursor: string): ContextPosition | undefined {
  const [created_at, id] = parseListCursor(LIST, cursor) ?? [];
  const known = Instant().safeParse(created_at).success && ContextId().safeParse(id).success;
  return known ? { created_at: String(created_at), id: String(id) } : undefined;
}
