import * as z from 'zod';
import { CursorText } from '../common/cursor-text.ts';
import { SessionId, TaskId, Uuid } from '../common/ids.ts';
import { schema } from '../common/schema.ts';
import { SOCKET_PROTOCOL } from '../common/socket.ts';
import { ContextRef } from '../context/address.ts';
import { WatchContextQuery } from '../context/requests.ts';
import { CreateTicketRequest, Ticket } from '../workspace/token.ts';
import { type Endpoints, json } from './endpoint.ts';
import type { OperationId } from './routes.ts';

/** An epoch in a path. */
export const Epoch = schema(() =>
  z
    .string()
    .regex(/^[1-9]\d{0,8}$/, 'must be a whole number from 1, such as 1')
    .meta({ description: 'The epoch of the offer.', example: '1' }),
);

/** @param page the document that describes the socket's frames */
const socket = (page: string) =>
  ({
    description: `The socket, with the subprotocol ${SOCKET_PROTOCOL}. ${page} of the repository describes its frames.`,
    subprotocol: SOCKET_PROTOCOL,
  }) as const;

const WATCH_PAGE = 'docs/watch-protocol.md';
const CONTEXTS_PAGE = 'docs/contexts.md';
const AGENT_PAGE = 'docs/agent-protocol.md';

/** Sockets, and the tickets that open one from a browser. */
export const SOCKET_ENDPOINTS = {
  createTicket: {
    tag: 'Sockets',
    summary: 'Create a ticket with which a browser can open one socket',
    access: 'open_socket',
    body: CreateTicketRequest,
    responses: { 201: json(Ticket, 'The ticket, valid for 30 seconds.') },
    errors: [],
  },
  watchSession: {
    tag: 'Sockets',
    summary: 'Watch a session',
    access: 'read',
    params: schema(() => z.object({ id: SessionId() })),
    query: schema(() => z.strictObject({ after: CursorText().optional() })),
    responses: { 101: socket(WATCH_PAGE) },
    errors: ['not_found', 'too_many_requests'],
  },
  watchContext: {
    tag: 'Sockets',
    summary: 'Watch a context, or one place of it',
    access: 'read_context',
    params: schema(() => z.object({ id: ContextRef() })),
    query: WatchContextQuery,
    responses: { 101: socket(CONTEXTS_PAGE) },
    errors: ['context_not_found', 'context_scope_mismatch', 'stale_lease', 'too_many_requests'],
  },
  openRunSocket: {
    tag: 'Sockets',
    summary: 'Work on an offered task, as an agent',
    access: 'work',
    params: schema(() => z.object({ task_id: TaskId(), epoch: Epoch() })),
    responses: { 101: socket(AGENT_PAGE) },
    errors: ['not_found'],
  },
  openControlSocket: {
    tag: 'Sockets',
    summary: 'Register as an agent and receive offers',
    access: 'work',
    params: schema(() => z.object({ agent_id: Uuid() })),
    responses: { 101: socket(AGENT_PAGE) },
    errors: ['not_found'],
  },
} as const satisfies Partial<Endpoints<OperationId>>;
