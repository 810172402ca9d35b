import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { runBulk } from '../../application/bulk.ts';
import { createSession } from '../../application/create-session.ts';
import type { SessionApi } from '../../ports/sessions.ts';
import { SessionStatus } from '../../protocol/common/enums.ts';
import { SessionId } from '../../protocol/common/ids.ts';
import { BulkResult, BulkSessionRequest } from '../../protocol/session/bulk.ts';
import { ListSessionsQuery, SessionList } from '../../protocol/session/list.ts';
import { CreateSessionRequest, UpdateSessionRequest } from '../../protocol/session/requests.ts';
import { SessionInclude, SessionView } from '../../protocol/session/session.ts';
import { needs } from '../auth/roles.ts';
import { callOf } from '../call.ts';
import type { AppContext } from '../context.ts';
import type { Dependencies } from '../dependencies.ts';
import { fieldErrors } from '../problems.ts';
import { unwrap } from '../refusal.ts';
import { body, createRouter, idempotent, json, problems, repeated } from '../route.ts';

export const SESSIONS_PATH = '/api/v1/sessions';
const tags = ['Sessions'];
const session = json(SessionView, 'The session.');

export const SessionParams = z.object({ id: SessionId });
const ListQuery = ListSessionsQuery.safeExtend({
  status: repeated(SessionStatus, 'Any of these; repeat it or put commas between them.'),
}).strict();

/** The session that a request names, in the caller's own workspace. */
export function sessionOf({ sessions }: Pick<Dependencies, 'sessions'>, c: AppContext, id: SessionId): SessionApi {
  return sessions.at(c.get('principal').workspace, id);
}

const create = createRoute({
  method: 'post',
  path: SESSIONS_PATH,
  tags,
  summary: 'Create a session',
  ...needs('operate'),
  request: { headers: idempotent, body: body(CreateSessionRequest) },
  responses: { 201: session, ...problems },
});

const list = createRoute({
  method: 'get',
  path: SESSIONS_PATH,
  tags,
  summary: 'List sessions',
  ...needs('read'),
  request: { query: ListQuery },
  responses: { 200: json(SessionList, 'A page of sessions.'), ...problems },
});

const bulk = createRoute({
  method: 'post',
  path: `${SESSIONS_PATH}/bulk`,
  tags,
  summary: 'Act on many sessions, with an outcome for each',
  ...needs('operate'),
  request: { headers: idempotent, body: body(BulkSessionRequest) },
  responses: { 200: json(BulkResult, 'The outcomes, in the order of the request.'), ...problems },
});

const read = createRoute({
  method: 'get',
  path: `${SESSIONS_PATH}/{id}`,
  tags,
  summary: 'Read a session',
  ...needs('read_session'),
  request: {
    params: SessionParams,
    query: z.strictObject({ include: repeated(SessionInclude, 'What else to read with it.') }),
  },
  responses: { 200: session, ...problems },
});

const update = createRoute({
  method: 'patch',
  path: `${SESSIONS_PATH}/{id}`,
  tags,
  summary: 'Change a session’s title, priority, tags or metadata',
  ...needs('operate'),
  request: { params: SessionParams, body: body(UpdateSessionRequest) },
  responses: { 200: session, ...problems },
});

const remove = createRoute({
  method: 'delete',
  path: `${SESSIONS_PATH}/{id}`,
  tags,
  summary: 'Delete a session; an active one is cancelled first',
  ...needs('operate'),
  request: { params: SessionParams },
  responses: { 204: { description: 'It is gone.' }, ...problems },
});

/** Sessions themselves: create, list, read, change, delete, and many at once. */
export function sessionRoutes(deps: Dependencies) {
  const making = { ...deps, digest: deps.signer.digest };
  return createRouter()
    .openapi(create, async (c) => {
      const created = unwrap(await createSession(making, await callOf(c), c.req.valid('json')));
      c.header('Location', `${SESSIONS_PATH}/${created.id}`);
      return c.json(created, 201);
    })
    .openapi(list, async (c) => {
      const directory = deps.directories.of(c.get('principal').workspace);
      return c.json(unwrap(await directory.list(await callOf(c), c.req.valid('query'))), 200);
    })
    .openapi(bulk, async (c) => {
      return c.json(unwrap(await runBulk(making, await callOf(c), c.req.valid('json'), fieldErrors)), 200);
    })
    .openapi(read, async (c) => {
      const { include } = c.req.valid('query');
      const found = sessionOf(deps, c, c.req.valid('param').id);
      return c.json(unwrap(await found.read(await callOf(c), [...new Set(include)])), 200);
    })
    .openapi(update, async (c) => {
      const found = sessionOf(deps, c, c.req.valid('param').id);
      return c.json(unwrap(await found.update(await callOf(c), c.req.valid('json'))), 200);
    })
    .openapi(remove, async (c) => {
      unwrap(await sessionOf(deps, c, c.req.valid('param').id).remove(await callOf(c)));
      return c.body(null, 204);
    });
}
