import { type Call, PRINCIPAL_HEADER } from '../../ports/calls.ts';
import { type LockTurns, lockTurnPath } from '../../ports/locks.ts';
import type { Sockets } from '../../ports/sockets.ts';
import { type OfferTurns, offerTurnPath } from '../../ports/work-claims.ts';
import { SOCKET_PROTOCOL } from '../../protocol/common/socket.ts';

const NORMAL_CLOSURE = 1000;

/** Waits for locks on sockets of the registry, which hibernates until it has something to say. */
export function objectLockTurns(sockets: Sockets): LockTurns {
  return { next: (call, wait, ms) => nextTurn(sockets, call, lockTurnPath(wait), ms) };
}

/** The same for offers to agents without sockets. */
export function objectOfferTurns(sockets: Sockets): OfferTurns {
  return { next: (call, agentId, max, ms) => nextTurn(sockets, call, offerTurnPath(agentId, max), ms) };
}

/** Whether a frame arrives within `ms` on the socket of a path. */
async function nextTurn(sockets: Sockets, { principal, request_id }: Call, path: string, ms: number): Promise<boolean> {
  const { workspace } = principal;
  const upgrade = new Request(`https://object${path}`, {
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
  const isTurn = await frameOn(webSocket, ms);
  webSocket.close(NORMAL_CLOSURE);
  return isTurn;
}

function frameOn(socket: WebSocket, ms: number): Promise<boolean> {
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
