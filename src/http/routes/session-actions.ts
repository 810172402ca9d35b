import { createRoute } from '@hono/zod-openapi';
import type { z } from 'zod';
import type { ActionRequest } from '../../ports/sessions.ts';
import type { SessionAction } from '../../protocol/common/enums.ts';
import type { SessionId } from '../../protocol/common/ids.ts';
import {
  CompleteSessionRequest,
  FailSessionRequest,
  MessageAccepted,
  RetrySessionRequest,
  SendMessageRequest,
  StopSessionRequest,
} from '../../protocol/session/requests.ts';
import { SessionView } from '../../protocol/session/session.ts';
import { needs } from '../auth/roles.ts';
import { callOf } from '../call.ts';
import type { AppContext } from '../context.ts';
import type { Dependencies } from '../dependencies.ts';
import { unwrap } from '../refusal.ts';
import { body, createRouter, idempotent, json, NoMembers, problems } from '../route.ts';
import { SESSIONS_PATH, SessionParams, sessionOf } from './sessions.ts';

const tags = ['Session actions'];

function actionRoute<Action extends SessionAction, Schema extends z.ZodType>(
  action: Action,
  schema: Schema,
  summary: string,
) {
  return createRoute({
    method: 'post',
    path: `${SESSIONS_PATH}/{id}/${action}`,
    tags,
    summary,
    ...needs('operate'),
    request: { params: SessionParams, headers: idempotent, body: body(schema) },
    responses: { 200: json(SessionView, 'The session after it.'), ...problems },
  });
}

const start = actionRoute('start', NoMembers, 'Start the session, or queue it where no agent has room');
const pause = actionRoute('pause', NoMembers, 'End the turn at its next step, checkpoint, and free the agent');
const resume = actionRoute('resume', NoMembers, 'Go on from where it was paused');
const cancel = actionRoute('cancel', NoMembers, 'End it for good');
const stop = actionRoute('stop', StopSessionRequest, 'Checkpoint and stop; it can be retried');
const complete = actionRoute('complete', CompleteSessionRequest, 'Report an outside executor’s result');
const fail = actionRoute('fail', FailSessionRequest, 'Report an outside executor’s failure');
const retry = actionRoute('retry', RetrySessionRequest, 'Go on after a failure, timeout or stop');

const send = createRoute({
  method: 'post',
  path: `${SESSIONS_PATH}/{id}/messages`,
  tags,
  summary: 'Steer the running agent, or queue a follow-up prompt',
  ...needs('operate'),
  request: { params: SessionParams, headers: idempotent, body: body(SendMessageRequest) },
  responses: { 202: json(MessageAccepted, 'The message is kept.'), ...problems },
});

/** What can be asked of a session. */
export function sessionActionRoutes(deps: Dependencies) {
  const act = async (c: AppContext, id: SessionId, request: ActionRequest) =>
    unwrap(await sessionOf(deps, c, id).act(await callOf(c), request));
  return createRouter()
    .openapi(start, async (c) => c.json(await act(c, c.req.valid('param').id, { action: 'start' }), 200))
    .openapi(pause, async (c) => c.json(await act(c, c.req.valid('param').id, { action: 'pause' }), 200))
    .openapi(resume, async (c) => c.json(await act(c, c.req.valid('param').id, { action: 'resume' }), 200))
    .openapi(cancel, async (c) => c.json(await act(c, c.req.valid('param').id, { action: 'cancel' }), 200))
    .openapi(stop, async (c) =>
      c.json(await act(c, c.req.valid('param').id, { action: 'stop', body: c.req.valid('json') }), 200),
    )
    .openapi(complete, async (c) =>
      c.json(await act(c, c.req.valid('param').id, { action: 'complete', body: c.req.valid('json') }), 200),
    )
    .openapi(fail, async (c) =>
      c.json(await act(c, c.req.valid('param').id, { action: 'fail', body: c.req.valid('json') }), 200),
    )
    .openapi(retry, async (c) =>
      c.json(await act(c, c.req.valid('param').id, { action: 'retry', body: c.req.valid('json') }), 200),
    )
    .openapi(send, async (c) => {
      const session = sessionOf(deps, c, c.req.valid('param').id);
      return c.json(unwrap(await session.send(await callOf(c), c.req.valid('json'))), 202);
    });
}
