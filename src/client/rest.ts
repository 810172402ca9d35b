import type * as z from 'zod';
import type { SessionAction } from '../protocol/common/enums.ts';
import type { BodyOf, SchemaOf } from '../protocol/endpoints/endpoints.ts';
import {
  type OperationId,
  type ParamNames,
  type PathOf,
  type PathParams,
  pathOf,
  ROUTES,
} from '../protocol/endpoints/routes.ts';
import type { SessionInclude } from '../protocol/session/session.ts';
import { type ApiRequest, type RequestOptions, request } from './request.ts';

/** What a caller may add to any call. */
export interface CallOptions {
  signal?: AbortSignal;
  /** The same key and body again give the first answer again, for a day. One is made where none is given. */
  idempotencyKey?: string;
}

/** A request's body as callers write it: members with a default may be left out. */
type BodyFor<Id extends OperationId> = z.input<SchemaOf<Id, 'body'>>;
type QueryFor<Id extends OperationId> = Partial<z.input<SchemaOf<Id, 'query'>>>;

/** What an operation resolves to: the JSON of its answer, typed by the table of endpoints. */
type ResultOf<Id extends OperationId> = BodyOf<Id> extends null ? undefined : BodyOf<Id>;

/** Actions and the bodies that they take. */
export type ActionBodies = { [Action in SessionAction]: BodyFor<`${Action}Session`> };

/** The body may be left out where it needs no member. */
type ActionArguments<Action extends SessionAction> =
  Record<never, never> extends ActionBodies[Action]
    ? [body?: ActionBodies[Action] | undefined, call?: CallOptions]
    : [body: ActionBodies[Action], call?: CallOptions];

/** The parts of a request that an operation has, each as its schema takes it in. */
type Parts<Id extends OperationId> = Pick<ApiRequest, 'bearer'> &
  ([ParamNames<PathOf<Id>>] extends [never] ? unknown : { params: PathParams<Id> }) &
  ([SchemaOf<Id, 'query'>] extends [never] ? unknown : { query?: QueryFor<Id> }) &
  ([SchemaOf<Id, 'body'>] extends [never] ? unknown : { body?: BodyFor<Id> | undefined });

/** The REST API, typed by the table of endpoints. Every call throws `ApiError` or `ConnectionError` (see `request`). */
export type RestClient = ReturnType<typeof createRest>;

/**
 * The calls of the REST API over one connection.
 *
 * ```ts
 * const { sessions } = createRest({ baseUrl, token, fetch, deadlineMs: 30_000, attemptMs: 10_000 });
 * const { items } = await sessions.list({ status: ['running'] });
 * ```
 */
export function createRest(options: RequestOptions) {
  /** Calls an operation by its name in the table. What comes back is taken to be what the table says. */
  const send = <Id extends OperationId>(id: Id, parts: Parts<Id>, call: CallOptions = {}): Promise<ResultOf<Id>> => {
    const { params, ...rest } = parts as { params?: PathParams<Id> } & Omit<ApiRequest, 'method' | 'path'>;
    // The parameters of one operation among many: their types are checked where `send` is called.
    const path = (pathOf as (id: OperationId, params?: object) => string)(id, params);
    const key = call.idempotencyKey === undefined ? {} : { idempotencyKey: call.idempotencyKey };
    return request(options, { method: ROUTES[id].method, path, ...rest, ...key }, call.signal) as Promise<ResultOf<Id>>;
  };
  const itemsOf = async <T>(list: Promise<{ items: T[] }>) => (await list).items;

  return {
    sessions: {
      create: (body: BodyFor<'createSession'>, call?: CallOptions) => send('createSession', { body }, call),
      list: (query: QueryFor<'listSessions'> = {}, call?: CallOptions) => send('listSessions', { query }, call),
      get: (id: string, include: SessionInclude[] = [], call?: CallOptions) =>
        send('readSession', { params: { id }, query: { include } }, call),
      update: (id: string, body: BodyFor<'updateSession'>, call?: CallOptions) =>
        send('updateSession', { params: { id }, body }, call),
      remove: (id: string, call?: CallOptions) => send('deleteSession', { params: { id } }, call),
      /** Asks for an action; each of them answers with the session. */
      act: <Action extends SessionAction>(id: string, action: Action, ...[body, call]: ActionArguments<Action>) =>
        send(`${action}Session` as 'startSession', { params: { id }, body: body as BodyFor<'startSession'> }, call),
      bulk: (body: BodyFor<'bulkSessions'>, call?: CallOptions) => send('bulkSessions', { body }, call),
      send: (id: string, body: BodyFor<'sendMessage'>, call?: CallOptions) =>
        send('sendMessage', { params: { id }, body }, call),
      events: (id: string, query: QueryFor<'listEvents'> = {}, call?: CallOptions) =>
        send('listEvents', { params: { id }, query }, call),
      approvals: (id: string, call?: CallOptions) => itemsOf(send('listApprovals', { params: { id } }, call)),
      answer: (id: string, approvalId: string, body: BodyFor<'answerApproval'>, call?: CallOptions) =>
        send('answerApproval', { params: { id, approval_id: approvalId }, body }, call),
      checkpoints: (id: string, call?: CallOptions) => itemsOf(send('listCheckpoints', { params: { id } }, call)),
      requestCheckpoint: (id: string, call?: CallOptions) => send('requestCheckpoint', { params: { id } }, call),
      diff: (id: string, call?: CallOptions) => send('readDiff', { params: { id } }, call),
    },
    agents: {
      list: (call?: CallOptions) => itemsOf(send('listAgents', {}, call)),
      get: (id: string, call?: CallOptions) => send('readAgent', { params: { id } }, call),
    },
    tokens: {
      create: (body: BodyFor<'createToken'>, call?: CallOptions) => send('createToken', { body }, call),
      list: (call?: CallOptions) => itemsOf(send('listTokens', {}, call)),
      revoke: (id: string, call?: CallOptions) => send('revokeToken', { params: { id } }, call),
    },
    codes: {
      create: (call?: CallOptions) => send('createCode', {}, call),
      /** Exchanges a one-time sign-in code for a token. */
      redeem: (code: string, call?: CallOptions) => send('redeemCode', { bearer: code }, call),
    },
    /** A ticket for one socket, good for `expires_in_seconds`. @param path the socket's, without its query */
    createTicket: (path: string, call?: CallOptions) => send('createTicket', { body: { path } }, call),
  };
}
