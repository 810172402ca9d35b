import type { MiddlewareHandler } from 'hono';
import { PRINCIPAL_HEADER } from '../../ports/calls.ts';
import type { SocketPlace } from '../../ports/workspace.ts';
import { type Outcome, ok, refuse } from '../../protocol/common/errors.ts';
import { type SessionId, sessionOfTask } from '../../protocol/common/ids.ts';
import { SOCKET_PROTOCOL } from '../../protocol/common/socket.ts';
import type { Principal } from '../../protocol/workspace/token.ts';
import { type Authenticator, STATIC_TOKEN_ID } from '../auth/authenticate.ts';
import type { AppContext, AppEnv } from '../context.ts';
import type { Dependencies } from '../dependencies.ts';
import type { SomeHandlers } from '../endpoints.ts';
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
export function socketHandlers({ sockets, workspaces }: Dependencies) {
  /**
   * Records the socket in the workspace before it opens, so that a revocation in between finds it. The workspace also
   * checks the token, because a socket stays open and this isolate's list of revocations may be out of date.
   */
  async function mayOpen({ workspace, token_id }: Principal, place: SocketPlace): Promise<boolean> {
    if (token_id === STATIC_TOKEN_ID) return true;
    return workspaces.of(workspace).recordSocket(token_id, place);
  }

  async function toSession(c: AppContext, principal: Principal, id: SessionId): Promise<Outcome<Response>> {
    if (!(await mayOpen(principal, { kind: 'session', id }))) return REVOKED;
    return opened(await sockets.toSession(principal.workspace, id, upgradeOf(c, principal)));
  }

  return {
    watchSession: ({ params, call }, c) => toSession(c, call.principal, params.id),
    openRunSocket: ({ params, call }, c) => toSession(c, call.principal, sessionOfTask(params.task_id)),
    openControlSocket: async ({ call: { principal } }, c) => {
      const { workspace } = principal;
      if (!(await mayOpen(principal, { kind: 'agent_registry', id: workspace }))) return REVOKED;
      return opened(await sockets.toAgentRegistry(workspace, upgradeOf(c, principal)));
    },
  } satisfies SomeHandlers;
}

const REVOKED = refuse('unauthorized', 'The token was revoked. Use another token.');

/** The opened socket. If the object rejected the upgrade, its response becomes a problem. */
async function opened(response: Response): Promise<Outcome<Response>> {
  return response.status === 101 ? ok(response) : refuse(codeOfStatus(response.status), await response.text());
}

function upgradeOf(c: AppContext, principal: Principal): Request {
  const headers = new Headers();
  for (const name of FORWARDED_HEADERS) {
    const value = c.req.header(name);
    if (value !== undefined) headers.set(name, value);
  }
  headers.set('Sec-WebSocket-Protocol', SOCKET_PROTOCOL);
  headers.set('X-Request-ID', c.get('requestId'));
  headers.set(PRINCIPAL_HEADER, JSON.stringify(principal));
  return new Request(c.req.url, { headers });
}
