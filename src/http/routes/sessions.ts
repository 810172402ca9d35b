import { runBulk } from '../../application/bulk.ts';
import { sessionContext } from '../../application/context/session-context.ts';
import { createSession } from '../../application/create-session.ts';
import { withQueuePlaces } from '../../application/queue-places.ts';
import type { Call } from '../../ports/calls.ts';
import type { SessionApi } from '../../ports/sessions.ts';
import { ok } from '../../protocol/common/errors.ts';
import type { SessionId } from '../../protocol/common/ids.ts';
import { MERGE_PATCH_TYPE, mediaTypeIn } from '../../protocol/common/media-types.ts';
import { pathOf } from '../../protocol/endpoints/routes.ts';
import type { SessionList } from '../../protocol/session/list.ts';
import type { Dependencies } from '../dependencies.ts';
import type { SomeHandlers } from '../endpoints.ts';
import { fieldErrors } from '../field-errors.ts';
import { linkNext } from '../next-page.ts';

/** The session with this id in the caller's workspace. */
export function sessionOf({ sessions }: Pick<Dependencies, 'sessions'>, call: Call, id: SessionId): SessionApi {
  return sessions.at(call.principal.workspace, id);
}

/** A page is parsed only if one of its sessions may wait for an agent. */
const MAY_WAIT = /"status":"(queued|orphaned)"/;

/** Handlers that create, list, read, change and delete sessions, one or many at a time. */
export function sessionHandlers(deps: Dependencies) {
  const making = { ...deps, digest: deps.signer.digest };
  return {
    createSession: async ({ body, call }, c) => {
      const created = await createSession(making, call, body);
      if (created.ok) c.header('Location', pathOf('readSession', { id: created.value.id }));
      return created;
    },
    listSessions: async ({ query, call }, c) => {
      const page = await deps.directories.of(call.principal.workspace).list(call, query);
      if (!page.ok) return page;
      const { text, next_cursor } = page.value;
      linkNext(c, next_cursor);
      if (!MAY_WAIT.test(text)) return ok(text);
      const list = JSON.parse(text) as SessionList;
      return ok({ ...list, items: await withQueuePlaces(deps, call, list.items) });
    },
    bulkSessions: ({ body, call }) => runBulk(making, call, body, fieldErrors),
    readSession: async ({ params, query, call }) => {
      const read = await sessionOf(deps, call, params.id).read(call, [...new Set(query.include)]);
      if (!read.ok) return read;
      const [[session], context] = await Promise.all([
        withQueuePlaces(deps, call, [read.value]),
        query.include.includes('context') ? sessionContext(deps.contexts, call, params.id) : undefined,
      ]);
      return ok({ ...session!, ...(context !== undefined && { context }) });
    },
    updateSession: ({ params, body, call }, c) => {
      const isMergePatch = mediaTypeIn(c.req.header('Content-Type')) === MERGE_PATCH_TYPE;
      return sessionOf(deps, call, params.id).update(call, body, isMergePatch);
    },
    deleteSession: ({ params, call }) => sessionOf(deps, call, params.id).remove(call),
  } satisfies SomeHandlers;
}
