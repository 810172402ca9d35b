import * as z from 'zod';
import { SessionStatus } from '../common/enums.ts';
import { SessionId } from '../common/ids.ts';
import { schema } from '../common/schema.ts';
import { BulkResult, BulkSessionRequest } from '../session/bulk.ts';
import { ListSessionsQuery, SessionList } from '../session/list.ts';
import { CreateSessionRequest, UpdateSessionRequest } from '../session/requests.ts';
import { SessionInclude, SessionView } from '../session/session.ts';
import { type Endpoints, json, page, repeated, versioned } from './endpoint.ts';
import type { OperationId } from './routes.ts';

export const SessionParams = schema(() => z.object({ id: SessionId() }));

/** Operations that create, list, read, change and delete sessions, one or many at a time. */
export const SESSION_ENDPOINTS = {
  createSession: {
    tag: 'Sessions',
    summary: 'Create a session',
    access: 'operate',
    idempotent: true,
    body: CreateSessionRequest,
    responses: {
      201: {
        ...json(SessionView, 'The session.'),
        headers: { ...versioned(SessionView, '').headers, Location: 'The path of the session.' },
      },
    },
    errors: ['not_found'],
  },
  listSessions: {
    tag: 'Sessions',
    summary: 'List sessions',
    access: 'read',
    query: schema(() =>
      ListSessionsQuery()
        .safeExtend({
          status: repeated(
            SessionStatus(),
            'Sessions in any of these statuses. Repeat the parameter or separate values by commas.',
          ),
        })
        .strict(),
    ),
    responses: { 200: page(SessionList, 'A page of sessions.') },
    errors: [],
  },
  bulkSessions: {
    tag: 'Sessions',
    summary: 'Act on many sessions, with an outcome for each',
    access: 'operate',
    idempotent: true,
    body: BulkSessionRequest,
    responses: { 200: json(BulkResult, 'The outcomes, in the order of the request.') },
    errors: [],
  },
  readSession: {
    tag: 'Sessions',
    summary: 'Read a session',
    access: 'read_session',
    params: SessionParams,
    query: schema(() =>
      z.strictObject({ include: repeated(SessionInclude(), 'Additional parts of the session to read.') }),
    ),
    responses: { 200: versioned(SessionView, 'The session.') },
    errors: ['not_found'],
  },
  updateSession: {
    tag: 'Sessions',
    summary: 'Change members of a session, also while it runs',
    access: 'operate',
    idempotent: true,
    params: SessionParams,
    body: UpdateSessionRequest,
    mergeable: true,
    responses: { 200: versioned(SessionView, 'The session.') },
    errors: ['not_found', 'illegal_transition'],
  },
  deleteSession: {
    tag: 'Sessions',
    summary: 'Delete a session and all of its work; an active one is cancelled first',
    access: 'operate',
    idempotent: true,
    params: SessionParams,
    responses: { 204: { description: 'The session is deleted.' } },
    errors: ['not_found'],
  },
} as const satisfies Partial<Endpoints<OperationId>>;
