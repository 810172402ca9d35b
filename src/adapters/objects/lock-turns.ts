import { PRINCIPAL_HEADER } from '../../ports/calls.ts';
import { type LockTurns, lockTurnPath } from '../../ports/locks.ts';
import type { Sockets } from '../../ports/sockets.ts';
import { SOCKET_PROTOCOL } from '../../protocol/common/socket.ts';

const NORMAL_CLOSURE = 1000;

/** Waits on a socket of the object that has the locks, which hibernates until it has something to say. */
export function objectLockTurns(sockets: Sockets): LockTurns {
  return {
    async next({ principal, request_id }, wait, ms) {
      const { workspace } = principal;
      const upgrade = new Request(`https://object${lockTurnPath(wait)}`, {
        headers: {
          Upgrade: 'websocket',
          'Sec-WebSocket-Protocol': SOCKET_PROTOCOL,
          'X-Request-ID': request_id,
          [PRINCIPAL_HEADER]: JSON.stringify(principal),
        },
      });
      const { webSocket } = await sockets.open(workspace, { kind: 'agent_registry', id: workspace }, upgrade);
      if (!webSocket) return true;
      webSocket.accept();
      const isNews = await newsOn(webSocket, ms);
      webSocket.close(NORMAL_CLOSURE);
      return isNews;
    },
  };
}

/** Whether a frame arrives, or the socket is lost, within `ms`. */
function newsOn(socket: WebSocket, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ms);
    const tell = () => {
      clearTimeout(timer);
      resolve(true);
    };
    for (const type of ['message', 'close', 'error'] as const) socket.addEventListener(type, tell);
  });
}
