import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { vi } from 'vitest';
import { Session } from '../../../durable-objects/session/session.ts';
import { agentRegistryName, partsOfName } from '../../../src/adapters/objects/names.ts';
import { PRINCIPAL_HEADER } from '../../../src/ports/calls.ts';
import { type LockWait, lockTurnPath } from '../../../src/ports/locks.ts';
import { offerTurnPath } from '../../../src/ports/work-claims.ts';
import type { ControlDown } from '../../../src/protocol/agent/control-socket.ts';
import { SOCKET_PROTOCOL } from '../../../src/protocol/common/socket.ts';
import type { Principal } from '../../../src/protocol/workspace/token.ts';
import {
  type ControlLink,
  principalWith,
  type RegistryUnderTest,
  type TokenOf,
} from '../../unit/ports/agent-registry.fixture.ts';

/** A new registry object. The test controls the clock of all objects. */
export function registryObject() {
  const workspace = `registry-${crypto.randomUUID()}`;
  const stub = env.AGENT_REGISTRY.getByName(agentRegistryName(workspace));
  return { workspace, stub };
}

/** The workspace of a session's object. */
function workspaceOf(session: unknown): string {
  const { ctx } = session as { ctx: DurableObjectState };
  return partsOfName(ctx.id.name ?? '').workspace;
}

/** Opens a control socket at an object, as the Worker does after it has verified the caller. */
export async function openControl(
  stub: DurableObjectStub,
  workspace: string,
  agentId: string,
  token: TokenOf = 'token',
): Promise<WebSocket> {
  return openSocket(stub, `/ws/agents/${agentId}/control`, { workspace, role: 'agent', ...principalWith(token) });
}

/** Opens the socket of a lock's waiter, as the Worker does. */
function openTurn(stub: DurableObjectStub, workspace: string, wait: LockWait): Promise<WebSocket> {
  return openSocket(stub, lockTurnPath(wait), { workspace, role: 'agent', token_id: wait.token_id });
}

async function openSocket(stub: DurableObjectStub, path: string, principal: Principal): Promise<WebSocket> {
  const response = await stub.fetch(`https://oio.test${path}`, {
    headers: {
      upgrade: 'websocket',
      'sec-websocket-protocol': SOCKET_PROTOCOL,
      [PRINCIPAL_HEADER]: JSON.stringify(principal),
    },
  });
  if (!response.webSocket) throw new Error(`${response.status}: ${await response.text()}`);
  response.webSocket.accept();
  return response.webSocket;
}

/** The agent's side of a control socket, with the arrived frames. */
export function controlLink(socket: WebSocket): ControlLink {
  const frames: ControlDown[] = [];
  let closeCode: number | null = null;
  socket.addEventListener('message', ({ data }) => void frames.push(JSON.parse(data as string) as ControlDown));
  socket.addEventListener('close', ({ code }) => {
    closeCode = code;
  });
  return {
    frames,
    get closeCode() {
      return closeCode;
    },
    send: (frame) => socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame)),
    close: () => socket.close(1000, 'done'),
  };
}

/**
 * The registry as a real object.
 * @param evictBetweenSteps evicts the object before each call; its sockets stay
 */
export async function registryInWorkerd({ evictBetweenSteps = false } = {}): Promise<RegistryUnderTest> {
  const { workspace, stub } = registryObject();
  const ready = async () => {
    if (!evictBetweenSteps) return;
    await runInDurableObject(stub, () => {});
    await evictDurableObject(stub);
  };
  const evict = vi.spyOn(Session.prototype, 'evict');
  return {
    workspace,
    evictions: () =>
      evict.mock.calls
        // Deliveries of an earlier registry may still be on their way.
        .filter((_, index) => workspaceOf(evict.mock.contexts[index]) === workspace)
        .map(([task_id, epoch, reason]) => ({ task_id, epoch, reason })),
    api: {
      reserve: async (...args) => {
        await ready();
        return await stub.reserve(...args);
      },
      cancel: async (...args) => {
        await ready();
        return await stub.cancel(...args);
      },
      release: async (...args) => {
        await ready();
        return await stub.release(...args);
      },
      accept: async (...args) => {
        await ready();
        return await stub.accept(...args);
      },
      pass: async (...args) => {
        await ready();
        return await stub.pass(...args);
      },
      claim: async (...args) => {
        await ready();
        return await stub.claim(...args);
      },
      heartbeat: async (...args) => {
        await ready();
        return await stub.heartbeat(...args);
      },
      agents: async (...args) => {
        await ready();
        return await stub.agents(...args);
      },
      isOwnToken: async (...args) => {
        await ready();
        return await stub.isOwnToken(...args);
      },
      route: async (...args) => {
        await ready();
        return await stub.route(...args);
      },
      rebalance: async (...args) => {
        await ready();
        return await stub.rebalance(...args);
      },
      statistics: async (...args) => {
        await ready();
        return await stub.statistics(...args);
      },
      performance: async (...args) => {
        await ready();
        return await stub.performance(...args);
      },
      register: async (...args) => {
        await ready();
        return await stub.register(...args);
      },
      update: async (...args) => {
        await ready();
        return await stub.update(...args);
      },
      drain: async (...args) => {
        await ready();
        return await stub.drain(...args);
      },
      resume: async (...args) => {
        await ready();
        return await stub.resume(...args);
      },
      deregister: async (...args) => {
        await ready();
        return await stub.deregister(...args);
      },
      places: async (...args) => {
        await ready();
        return await stub.places(...args);
      },
      agent: async (...args) => {
        await ready();
        return await stub.agent(...args);
      },
      acquireLock: async (...args) => {
        await ready();
        return await stub.acquireLock(...args);
      },
      renewLock: async (...args) => {
        await ready();
        return await stub.renewLock(...args);
      },
      releaseLock: async (...args) => {
        await ready();
        return await stub.releaseLock(...args);
      },
      readLock: async (...args) => {
        await ready();
        return await stub.readLock(...args);
      },
      closeSockets: async (...args) => {
        await ready();
        return await stub.closeSockets(...args);
      },
    },
    poll: async (agentId, max, token) => {
      await ready();
      const principal: Principal = { workspace, role: 'agent', ...principalWith(token) };
      return controlLink(await openSocket(stub, offerTurnPath(agentId, max), principal));
    },
    waitForTurn: async (wait) => controlLink(await openTurn(stub, workspace, wait)),
    connect: async (agentId, token) => controlLink(await openControl(stub, workspace, agentId, token)),
    advance: async (ms) => {
      await ready();
      vi.setSystemTime(Date.now() + ms);
      await runDurableObjectAlarm(stub);
    },
  };
}
