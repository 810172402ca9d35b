import type * as z from 'zod';
import type { AgentList, AgentView } from '../protocol/agent/agent.ts';
import type { EventPage } from '../protocol/events/envelope.ts';
import type { ApprovalList, ApprovalView } from '../protocol/session/approval.ts';
import type { BulkResult, BulkSessionRequest } from '../protocol/session/bulk.ts';
import type { CheckpointList, CheckpointRequested, SessionDiff } from '../protocol/session/checkpoint.ts';
import type { ListSessionsQuery, SessionList } from '../protocol/session/list.ts';
import type {
  AnswerApprovalRequest,
  CompleteSessionRequest,
  CreateSessionRequest,
  FailSessionRequest,
  MessageAccepted,
  RetrySessionRequest,
  SendMessageRequest,
  StopSessionRequest,
  UpdateSessionRequest,
} from '../protocol/session/requests.ts';
import type { SessionInclude, SessionView } from '../protocol/session/session.ts';
import type { CreatedToken, CreateTokenRequest, SignInCode, Ticket, TokenList } from '../protocol/workspace/token.ts';
import { type ApiRequest, type RequestOptions, request } from './request.ts';

/** What a caller may add to any call. */
export interface CallOptions {
  signal?: AbortSignal;
  /** The same key and body again give the first answer again, for a day. One is made where none is given. */
  idempotencyKey?: string;
}

/** Actions and the bodies that they take. */
export interface ActionBodies {
  start: undefined;
  pause: undefined;
  resume: undefined;
  cancel: undefined;
  stop: z.input<typeof StopSessionRequest> | undefined;
  retry: z.input<typeof RetrySessionRequest> | undefined;
  complete: z.input<typeof CompleteSessionRequest>;
  fail: z.input<typeof FailSessionRequest>;
}

type BodyOf<A extends keyof ActionBodies> = undefined extends ActionBodies[A]
  ? [body?: ActionBodies[A], call?: CallOptions]
  : [body: ActionBodies[A], call?: CallOptions];

/** The REST API, typed by the protocol. Every call throws `ApiError` or `ConnectionError` (see `request`). */
export type RestClient = ReturnType<typeof createRest>;

export function createRest(options: RequestOptions) {
  const send = <T>(api: ApiRequest, call: CallOptions = {}): Promise<T> => {
    const keyed = call.idempotencyKey === undefined ? api : { ...api, idempotencyKey: call.idempotencyKey };
    return request(options, keyed, call.signal) as Promise<T>;
  };
  const get = <T>(path: string, query: ApiRequest['query'] = {}, call?: CallOptions) =>
    send<T>({ method: 'GET', path, query }, call);
  const post = <T>(path: string, body?: unknown, call?: CallOptions) => send<T>({ method: 'POST', path, body }, call);
  const itemsOf = async <T>(list: Promise<{ items: T[] }>) => (await list).items;

  return {
    sessions: {
      create: (body: z.input<typeof CreateSessionRequest>, call?: CallOptions) =>
        post<SessionView>(SESSIONS, body, call),
      list: (query: Partial<ListSessionsQuery> = {}, call?: CallOptions) => get<SessionList>(SESSIONS, query, call),
      get: (id: string, include: SessionInclude[] = [], call?: CallOptions) =>
        get<SessionView>(sessionPath(id), { include: include.join(',') || undefined }, call),
      update: (id: string, body: UpdateSessionRequest, call?: CallOptions) =>
        send<SessionView>({ method: 'PATCH', path: sessionPath(id), body }, call),
      remove: (id: string, call?: CallOptions) => send<void>({ method: 'DELETE', path: sessionPath(id) }, call),
      act: <A extends keyof ActionBodies>(id: string, action: A, ...[body, call]: BodyOf<A>) =>
        post<SessionView>(sessionPath(id, action), body, call),
      bulk: (body: BulkSessionRequest, call?: CallOptions) => post<BulkResult>(`${SESSIONS}/bulk`, body, call),
      send: (id: string, body: SendMessageRequest, call?: CallOptions) =>
        post<MessageAccepted>(sessionPath(id, 'messages'), body, call),
      events: (id: string, query: { after?: string; limit?: number } = {}, call?: CallOptions) =>
        get<EventPage>(sessionPath(id, 'events'), query, call),
      approvals: (id: string, call?: CallOptions) => itemsOf(get<ApprovalList>(sessionPath(id, 'approvals'), {}, call)),
      answer: (id: string, approvalId: string, body: AnswerApprovalRequest, call?: CallOptions) =>
        post<ApprovalView>(sessionPath(id, 'approvals', approvalId), body, call),
      checkpoints: (id: string, call?: CallOptions) =>
        itemsOf(get<CheckpointList>(sessionPath(id, 'checkpoints'), {}, call)),
      requestCheckpoint: (id: string, call?: CallOptions) =>
        post<CheckpointRequested>(sessionPath(id, 'checkpoints'), undefined, call),
      diff: (id: string, call?: CallOptions) => get<SessionDiff>(sessionPath(id, 'diff'), {}, call),
    },
    agents: {
      list: (call?: CallOptions) => itemsOf(get<AgentList>('/api/v1/agents', {}, call)),
      get: (id: string, call?: CallOptions) => get<AgentView>(`/api/v1/agents/${encodeURIComponent(id)}`, {}, call),
    },
    tokens: {
      create: (body: z.input<typeof CreateTokenRequest>, call?: CallOptions) => post<CreatedToken>(TOKENS, body, call),
      list: (call?: CallOptions) => itemsOf(get<TokenList>(TOKENS, {}, call)),
      revoke: (id: string, call?: CallOptions) =>
        send<void>({ method: 'DELETE', path: `${TOKENS}/${encodeURIComponent(id)}` }, call),
    },
    codes: {
      create: (call?: CallOptions) => post<SignInCode>('/api/v1/codes', undefined, call),
      /** Exchanges a one-time sign-in code for a token. */
      redeem: (code: string, call?: CallOptions) =>
        send<CreatedToken>({ method: 'POST', path: '/api/v1/codes/redeem', bearer: code }, call),
    },
    /** A ticket for one socket, good for `expires_in_seconds`. @param path the socket's, without its query */
    createTicket: (path: string, call?: CallOptions) => post<Ticket>('/api/v1/tickets', { path }, call),
  };
}

const SESSIONS = '/api/v1/sessions';
const TOKENS = '/api/v1/tokens';

function sessionPath(id: string, ...rest: string[]): string {
  return [SESSIONS, ...[id, ...rest].map(encodeURIComponent)].join('/');
}
