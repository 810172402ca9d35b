import { describe } from 'vitest';
import type { ControlDown } from '../../../src/protocol/agent/control-socket.ts';
import type { FakeClient } from '../../support/fake-socket.ts';
import { RegistryInProcess } from '../../support/registry-in-process.ts';
import { agentRegistryContract } from './agent-registry.contract.ts';
import type { ControlLink } from './agent-registry.fixture.ts';

function link(client: FakeClient): ControlLink {
  return {
    get frames() {
      return client.frames<ControlDown>();
    },
    get closeCode() {
      return client.closedBy?.code ?? null;
    },
    send: (frame) => client.send(frame),
    close: () => client.close(),
  };
}

describe.each([{ evictBetweenSteps: false }, { evictBetweenSteps: true }])(
  'the agent registry in process, evicted between steps: $evictBetweenSteps',
  (options) => {
    agentRegistryContract(async () => {
      const evictions: unknown[] = [];
      const evict = async (_key: string, eviction: unknown) => void evictions.push(eviction);
      const registry = new RegistryInProcess({ ...options, evict });
      return {
        api: registry.api,
        workspace: registry.workspace,
        connect: async (agentId, tokenId) => link(registry.connect(agentId, tokenId)),
        poll: async (...args) => link(registry.poll(...args)),
        waitForTurn: async (wait) => link(registry.waitForTurn(wait)),
        evictions: () => evictions,
        advance: (ms) => registry.advance(ms),
      };
    });
  },
);
