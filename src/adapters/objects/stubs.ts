import type { AgentRegistries } from '../../ports/agent-registry.ts';
import { PRINCIPAL_HEADER } from '../../ports/calls.ts';
import type { Contexts } from '../../ports/contexts.ts';
import type { Directories } from '../../ports/directory.ts';
import type { Sessions } from '../../ports/sessions.ts';
import type { Sockets, TokenSockets } from '../../ports/sockets.ts';
import type { SocketPlace, Workspaces } from '../../ports/workspace.ts';
import { ERROR_CODES, ok, refuse } from '../../protocol/common/errors.ts';
import type { WorkspaceId } from '../../protocol/common/ids.ts';
import { SOCKET_PROTOCOL } from '../../protocol/common/socket.ts';
import { pathOf } from '../../protocol/endpoints/routes.ts';
import { nextEventOn } from './event-wait.ts';
import { agentRegistryName, contextName, directoryName, sessionName, workspaceName } from './names.ts';
import { type Namespace, reach, remote } from './remote.ts';

const TOO_MANY = ERROR_CODES.too_many_requests.status;

/** Implements ports by calling objects through their namespaces. */

export function objectSessions(namespace: Namespace): Sessions {
  return { at: (workspace, id) => remote(namespace, sessionName(workspace, id)) };
}

export function objectContexts(namespace: Namespace): Contexts {
  return { at: (workspace, id) => remote(namespace, contextName(workspace, id)) };
}

export function objectDirectories(namespace: Namespace): Directories {
  return { of: (workspace) => remote(namespace, directoryName(workspace)) };
}

export function objectAgentRegistries(namespace: Namespace): AgentRegistries {
  return { of: (workspace) => remote(namespace, agentRegistryName(workspace)) };
}

export function objectWorkspaces(namespace: Namespace): Workspaces {
  return { of: (workspace) => remote(namespace, workspaceName(workspace)) };
}

/** The namespaces of objects that hold sockets. */
interface SocketHolders {
  SESSION: Namespace;
  CONTEXT: Namespace;
  AGENT_REGISTRY: Namespace;
}

export function objectSockets({ SESSION: sessions, CONTEXT, AGENT_REGISTRY }: SocketHolders): Sockets {
  const holder = (workspace: WorkspaceId, { kind, id }: SocketPlace): [Namespace, string] => {
    if (kind === 'session') return [sessions, sessionName(workspace, id)];
    return kind === 'context' ? [CONTEXT, contextName(workspace, id)] : [AGENT_REGISTRY, agentRegistryName(workspace)];
  };
  return {
    open: (workspace, place, upgrade) =>
      reach(() => {
        const [namespace, name] = holder(workspace, place);
        return namespace.getByName(name).fetch(upgrade);
      }),
    close: (workspace, place, tokenId) => remote<TokenSockets>(...holder(workspace, place)).closeSockets(tokenId),
    nextEvent: async ({ principal, request_id }, id, cursor, ms) => {
      const path = `${pathOf('watchSession', { id })}?after=${cursor}`;
      const headers = {
        Upgrade: 'websocket',
        'Sec-WebSocket-Protocol': SOCKET_PROTOCOL,
        'X-Request-ID': request_id,
        [PRINCIPAL_HEADER]: JSON.stringify(principal),
      };
      const object = sessions.getByName(sessionName(principal.workspace, id));
      const opened = await reach(() => object.fetch(new Request(`http://session${path}`, { headers })));
      if (opened.status === TOO_MANY) return refuse('too_many_requests', await opened.text());
      // Without a socket, the session was deleted.
      if (opened.webSocket) await nextEventOn(opened.webSocket, ms);
      return ok(null);
    },
  };
}
