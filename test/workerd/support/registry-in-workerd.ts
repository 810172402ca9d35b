import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { vi } from 'vitest';
import { agentRegistryName } from '../../../src/adapters/objects/names.ts';
import { PRINCIPAL_HEADER } from '../../../src/ports/calls.ts';
import type { ControlDown } from '../../../src/protocol/agent/control-socket.ts';
import { SOCKET_PROTOCOL } from '../../../src/protocol/common/socket.ts';
import type { ControlLink, RegistryUnderTest } from '../../unit/ports/agent-registry.fixture.ts';

/** A new registry object. The test controls the clock of all objects. */
export function registryObject() {
  const workspace = `registry-${crypto.randomUUID()}`;
  const stub = env.AGENT_REGISTRY.getByName(agentRegistryName(workspace));
  return { workspace, stub };
}

/** Opens a control socket at an object, as the Worker does after it has verified the caller. */
export async function openControl(
  stub: DurableObjectStub,
  workspace: string,
  agentId: string,
  tokenId = 'token',
): Promise<WebSocket> {
  const response = await stub.fetch(`https://oio.test/ws/agents/${agentId}/control`, {
    headers: {
      upgrade: 'websocket',
      'sec-websocket-protocol': SOCKET_PROTOCOL,
      [PRINCIPAL_HEADER]: JSON.stringify({ workspace, role: 'agent', token_id: tokenId }),
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
  return {
    workspace,
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
      agents: async (...args) => {
        await ready();
        return await stub.agents(...args);
      },
      places: async (...args) => {
        await ready();
        return await stub.places(...args);
      },
      agent: async (...args) => {
        await ready();
        return await stub.agent(...args);
      },
      closeSockets: async (...args) => {
        await ready();
        return await stub.closeSockets(...args);
      },
    },
    connect: async (agentId, tokenId) => controlLink(await openControl(stub, workspace, agentId, tokenId)),
    advance: async (ms) => {
      await ready();
      vi.setSystemTime(Date.now() + ms);
      await runDurableObjectAlarm(stub);
    },
  };
}
