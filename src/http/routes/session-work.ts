import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { readDiff, streamArtifact } from '../../application/artifacts.ts';
import { parseCursor } from '../../protocol/common/cursor.ts';
import { Uuid } from '../../protocol/common/ids.ts';
import { PAGE_EVENTS } from '../../protocol/common/limits.ts';
import { CursorText, EventPage } from '../../protocol/events/envelope.ts';
import { ApprovalList, ApprovalView } from '../../protocol/session/approval.ts';
import { CheckpointList, CheckpointRequested, SessionDiff } from '../../protocol/session/checkpoint.ts';
import { AnswerApprovalRequest } from '../../protocol/session/requests.ts';
import { needs } from '../auth/roles.ts';
import { callOf } from '../call.ts';
import type { Dependencies } from '../dependencies.ts';
import { unwrap } from '../refusal.ts';
import { body, createRouter, idempotent, json, NoMembers, problems } from '../route.ts';
import { SESSIONS_PATH, SessionParams, sessionOf } from './sessions.ts';

const tags = ['Session work'];
const DEFAULT_EVENTS = 100;

const events = createRoute({
  method: 'get',
  path: `${SESSIONS_PATH}/{id}/events`,
  tags,
  summary: 'Read the event log',
  ...needs('read'),
  request: {
    params: SessionParams,
    query: z.strictObject({
      after: CursorText.optional(),
      limit: z.coerce.number().int().min(1).max(PAGE_EVENTS).default(DEFAULT_EVENTS),
    }),
  },
  responses: { 200: json(EventPage, 'A page of the log.'), ...problems },
});

const listCheckpoints = createRoute({
  method: 'get',
  path: `${SESSIONS_PATH}/{id}/checkpoints`,
  tags,
  summary: 'List the checkpoints',
  ...needs('read'),
  request: { params: SessionParams },
  responses: { 200: json(CheckpointList, 'The checkpoints.'), ...problems },
});

const requestCheckpoint = createRoute({
  method: 'post',
  path: `${SESSIONS_PATH}/{id}/checkpoints`,
  tags,
  summary: 'Ask the agent for a checkpoint now',
  ...needs('operate'),
  request: { params: SessionParams, headers: idempotent, body: body(NoMembers) },
  responses: { 202: json(CheckpointRequested, 'The agent has been asked.'), ...problems },
});

const diff = createRoute({
  method: 'get',
  path: `${SESSIONS_PATH}/{id}/diff`,
  tags,
  summary: 'Read the work so far as a patch',
  ...needs('read'),
  request: { params: SessionParams },
  responses: { 200: json(SessionDiff, 'The patch.'), ...problems },
});

const listApprovals = createRoute({
  method: 'get',
  path: `${SESSIONS_PATH}/{id}/approvals`,
  tags,
  summary: 'List the approvals',
  ...needs('read'),
  request: { params: SessionParams },
  responses: { 200: json(ApprovalList, 'The approvals.'), ...problems },
});

const answerApproval = createRoute({
  method: 'post',
  path: `${SESSIONS_PATH}/{id}/approvals/{approval_id}`,
  tags,
  summary: 'Answer a permission or a question',
  ...needs('operate'),
  request: {
    params: SessionParams.extend({ approval_id: Uuid }),
    headers: idempotent,
    body: body(AnswerApprovalRequest),
  },
  responses: { 200: json(ApprovalView, 'The approval with its answer.'), ...problems },
});

const artifact = createRoute({
  method: 'get',
  path: `${SESSIONS_PATH}/{id}/artifacts/{artifact_id}`,
  tags,
  summary: 'Read an artifact of a checkpoint',
  ...needs('read_artifact'),
  request: { params: SessionParams.extend({ artifact_id: Uuid }) },
  responses: {
    200: {
      description: 'Its bytes.',
      content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
    },
    ...problems,
  },
});

/** What the agents of a session have done, and what they wait for. */
export function sessionWorkRoutes(deps: Dependencies) {
  return createRouter()
    .openapi(events, async (c) => {
      const { after, limit } = c.req.valid('query');
      const session = sessionOf(deps, c, c.req.valid('param').id);
      const cursor = after === undefined ? null : parseCursor(after);
      return c.json(unwrap(await session.events(await callOf(c), cursor, limit)), 200);
    })
    .openapi(listCheckpoints, async (c) => {
      const session = sessionOf(deps, c, c.req.valid('param').id);
      return c.json({ items: unwrap(await session.checkpoints(await callOf(c))) }, 200);
    })
    .openapi(requestCheckpoint, async (c) => {
      const session = sessionOf(deps, c, c.req.valid('param').id);
      return c.json(unwrap(await session.requestCheckpoint(await callOf(c))), 202);
    })
    .openapi(diff, async (c) => {
      const session = sessionOf(deps, c, c.req.valid('param').id);
      return c.json(unwrap(await readDiff(session, await callOf(c))), 200);
    })
    .openapi(listApprovals, async (c) => {
      const session = sessionOf(deps, c, c.req.valid('param').id);
      return c.json({ items: unwrap(await session.approvals(await callOf(c))) }, 200);
    })
    .openapi(answerApproval, async (c) => {
      const { id, approval_id } = c.req.valid('param');
      const answered = await sessionOf(deps, c, id).answer(await callOf(c), approval_id, c.req.valid('json'));
      return c.json(unwrap(answered), 200);
    })
    .openapi(artifact, async (c) => {
      const { id, artifact_id } = c.req.valid('param');
      const bytes = unwrap(await streamArtifact(sessionOf(deps, c, id), await callOf(c), artifact_id));
      return c.body(bytes, 200, { 'Content-Type': 'application/octet-stream' });
    });
}
