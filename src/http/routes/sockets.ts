import type { MiddlewareHandler } from 'hono';
import { ownAgentOnly } from '../../application/authorize.ts';
import { contextAt } from '../../application/context/identity.ts';
import { underLease } from '../../application/context/under-lease.ts';
import { CALL_LEASE_HEADER, type Call, PRINCIPAL_HEADER, SOCKET_ID_HEADER } from '../../ports/calls.ts';
import { type SocketPlace, socketIdAt } from '../../ports/workspace.ts';
import { type Outcome, ok, refuse } from '../../protocol/common/errors.ts';
import { type SessionId, sessionOfTask } from '../../protocol/common/ids.ts';
import { SOCKET_PROTOCOL } from '../../protocol/common/socket.ts';
import { revocableToken } from '../../protocol/workspace/token.ts';
import type { Authenticator } from '../auth/authenticate.ts';
import type { AppContext, AppEnv } from '../context.ts';
import type { Dependencies } from '../dependencies.ts';
import type { SomeHandlers } from '../endpoints.ts';
import { leaseIn } from '../lease-in.ts';
import { codeOfStatus } from '../problems.ts';
import { refusal } from '../refusal.ts';

/** The headers of the request that the object needs. Credentials are not forwarded. */
const FORWARDED_HEADERS = [
  'Upgrade',
  'Connection',
  'Sec-WebSocket-Key',
  'Sec-WebSocket-Version',
  'Sec-WebSocket-Extensions',
];

/** Rejects requests that are not WebSocket upgrades with a valid token or ticket. */
export function onlyVerifiedUpgrades(authenticator: Authenticator): MiddlewareHandler<AppEnv> {
  return async function verifyUpgrade(c, next) {
    if (c.req.header('Upgrade')?.toLowerCase() !== 'websocket') {
      throw refusal('upgrade_required', 'Open this path as a WebSocket.');
    }
    c.set('principal', await authenticator.bySocketUpgrade(c.req.raw));
    await next();
  };
}

/** Handlers that forward verified upgrades to the objects that hold the sockets. */
export function socketHandlers({ sockets, sessions, contexts, workspaces, effects }: Dependencies) {
  /**
   * Opens the socket at its object, and then records it in the workspace. In this order, an object that does not exist
   * leaves no record. The workspace also checks the token, because this isolate's list of revocations may be out of
   * date. If the token ends before the record is made, `recordSocket` refuses; if it ends later, the record is used to
   * close the socket. The client gets the socket only after both steps.
   */
  async function open(c: AppContext, call: SocketCall, place: SocketPlace): Promise<Outcome<Response>> {
    const { principal } = call;
    const { workspace } = principal;
    const tokenId = revocableToken(principal);
    const socketId = tokenId === null ? null : socketIdAt(place, effects.uuid());
    const response = await sockets.open(workspace, place, upgradeOf(c, call, socketId));
    if (response.status !== 101) return refuse(codeOfStatus(response.status), await response.text());
    if (tokenId === null || socketId === null) return ok(response);
    if (await workspaces.of(workspace).recordSocket(tokenId, socketId, place)) return ok(response);
    await sockets.close(workspace, place, tokenId);
    return REVOKED;
  }

  const toSession = (c: AppContext, call: Call, id: SessionId) =>
    open(c, { principal: call.principal }, { kind: 'session', id });
  return {
    watchSession: ({ params, call }, c) => toSession(c, call, params.id),
    watchContext: async ({ params, query, call }, c) => {
      const leased = await underLease(sessions, call, query.lease === undefined ? null : leaseIn(query.lease));
      if (!leased.ok) return leased;
      const { id, home } = await contextAt(contexts, leased.value, params.id);
      const may = await home.mayWatch(leased.value);
      return may.ok ? open(c, leased.value, { kind: 'context', id }) : may;
    },
    openRunSocket: ({ params, call }, c) => toSession(c, call, sessionOfTask(params.task_id)),
    openControlSocket: async ({ params, call: { principal } }, c) => {
      const own = ownAgentOnly(principal, params.agent_id);
      return own.ok ? open(c, { principal }, { kind: 'agent_registry', id: principal.workspace }) : own;
    },
  } satisfies SomeHandlers;
}

/** Who opens a socket, and under which lease. */
type SocketCall = Pick<Call, 'principal' | 'lease'>;

const REVOKED = refuse('unauthorized', 'The token was revoked. Use another token.');

function upgradeOf(c: AppContext, { principal, lease }: SocketCall, socketId: string | null): Request {
  const headers = new Headers();
  for (const name of FORWARDED_HEADERS) {
    const value = c.req.header(name);
    if (value !== undefined) headers.set(name, value);
  }
  headers.set('Sec-WebSocket-Protocol', SOCKET_PROTOCOL);
  headers.set('X-Request-ID', c.get('requestId'));
  headers.set(PRINCIPAL_HEADER, JSON.stringify(principal));
  if (lease) headers.set(CALL_LEASE_HEADER, JSON.stringify(lease));
  if (socketId !== null) headers.set(SOCKET_ID_HEADER, socketId);
  return new Request(c.req.url, { headers });
}
