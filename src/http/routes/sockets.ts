import { createRoute } from '@hono/zod-openapi';
import { z } from 'zod';
import { PRINCIPAL_HEADER } from '../../ports/calls.ts';
import type { SocketPlace } from '../../ports/workspace.ts';
import { SessionId, sessionOfTask, TaskId, Uuid } from '../../protocol/common/ids.ts';
import { SOCKET_PROTOCOL } from '../../protocol/common/socket.ts';
import { CursorText } from '../../protocol/events/envelope.ts';
import type { Principal } from '../../protocol/workspace/token.ts';
import { type Authenticator, STATIC_TOKEN_ID } from '../auth/authenticate.ts';
import { needs } from '../auth/roles.ts';
import type { AppContext } from '../context.ts';
import type { Dependencies } from '../dependencies.ts';
import { codeOfStatus } from '../problems.ts';
import { refusal } from '../refusal.ts';
import { createRouter, problems } from '../route.ts';

const tags = ['Sockets'];
const responses = { 101: { description: `The socket, speaking ${SOCKET_PROTOCOL}.` }, ...problems };
/** What of the caller's request the object needs to see. Credentials and headers of our own stay here. */
const HANDED_ON = ['Upgrade', 'Connection', 'Sec-WebSocket-Key', 'Sec-WebSocket-Version', 'Sec-WebSocket-Extensions'];

const watch = createRoute({
  method: 'get',
  path: '/ws/sessions/{id}',
  tags,
  summary: 'Watch a session',
  ...needs('read'),
  request: { params: z.object({ id: SessionId }), query: z.strictObject({ after: CursorText.optional() }) },
  responses,
});

const lease = createRoute({
  method: 'get',
  path: '/ws/leases/{task_id}/{epoch}',
  tags,
  summary: 'Work on a task, as the agent that it was offered to',
  ...needs('work'),
  request: { params: z.object({ task_id: TaskId, epoch: z.string().regex(/^[1-9]\d{0,8}$/, 'not an epoch') }) },
  responses,
});

const control = createRoute({
  method: 'get',
  path: '/ws/agents/{agent_id}/control',
  tags,
  summary: 'Register as an agent, and be offered tasks',
  ...needs('work'),
  request: { params: z.object({ agent_id: Uuid }) },
  responses,
});

/** Verifies socket upgrades and hands them to the objects that hold the sockets. */
export function socketRoutes(deps: Dependencies, authenticator: Authenticator) {
  /**
   * The workspace knows of a socket before it opens: a revocation that comes in between finds it. It also has the last
   * word on the token, for this isolate's list of revocations may be old, and a socket stays.
   */
  async function note({ workspace, token_id }: Principal, place: SocketPlace): Promise<void> {
    if (token_id === STATIC_TOKEN_ID) return;
    const mayOpen = await deps.workspaces.of(workspace).noteSocket(workspace, token_id, place);
    if (!mayOpen) throw refusal('unauthorized', 'The token has been revoked.');
  }

  async function toSession(c: AppContext, id: SessionId): Promise<Response> {
    const principal = c.get('principal');
    await note(principal, { kind: 'session', id });
    return openedBy(await deps.sockets.toSession(principal.workspace, id, upgradeOf(c, principal)));
  }

  const router = createRouter();
  router.use('/ws/*', async function onlyVerifiedUpgrades(c, next) {
    if (c.req.header('Upgrade')?.toLowerCase() !== 'websocket') {
      throw refusal('upgrade_required', 'Open this path as a WebSocket.');
    }
    c.set('principal', await authenticator.bySocketUpgrade(c.req.raw));
    await next();
  });
  return router
    .openapi(watch, (c) => toSession(c, c.req.valid('param').id))
    .openapi(lease, (c) => toSession(c, sessionOfTask(c.req.valid('param').task_id)))
    .openapi(control, async (c) => {
      const principal = c.get('principal');
      await note(principal, { kind: 'agent_registry', id: principal.workspace });
      return openedBy(await deps.sockets.toAgentRegistry(principal.workspace, upgradeOf(c, principal)));
    });
}

/** The opened socket; what an object says instead of opening one becomes a problem like any other. */
async function openedBy(response: Response): Promise<Response> {
  if (response.status === 101) return response;
  throw refusal(codeOfStatus(response.status), await response.text());
}

function upgradeOf(c: AppContext, principal: Principal): Request {
  const headers = new Headers();
  for (const name of HANDED_ON) {
    const value = c.req.header(name);
    if (value !== undefined) headers.set(name, value);
  }
  headers.set('Sec-WebSocket-Protocol', SOCKET_PROTOCOL);
  headers.set('X-Request-ID', c.get('requestId'));
  headers.set(PRINCIPAL_HEADER, JSON.stringify(principal));
  return new Request(c.req.url, { headers });
}
