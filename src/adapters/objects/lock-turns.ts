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
      if (!webSocket) return false;
      webSocket.accept();
      const isTurn = await turnOn(webSocket, ms);
      webSocket.close(NORMAL_CLOSURE);
      return isTurn;
    },
  };
}

/** Whether a frame arrives within `ms`. The object sends only one, when it is the waiter's turn. */
function turnOn(socket: WebSocket, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), ms);
    const end = (isTurn: boolean) => {
      clearTimeout(timer);
      resolve(isTurn);
    };
    socket.addEventListener('message', () => end(true));
    for (const type of ['close', 'error'] as const) socket.addEventListener(type, () => end(false));
  });
}
