import { expect, it } from 'vitest';
import type { Call } from '../../../src/ports/calls.ts';
import { RegisterAgentRequest } from '../../../src/protocol/agent/agent.ts';
import { NodePlatform } from '../../support/node-platform.ts';
import { RegistryInProcess } from '../../support/registry-in-process.ts';
import { callFrom } from '../ports/agent-registry.fixture.ts';

const MINUTE_MS = 60_000;

/** A platform that counts the statements that write. */
class WritesCounted extends NodePlatform {
  writes = 0;

  override exec(query: string, bindings: Parameters<NodePlatform['exec']>[1]): ReturnType<NodePlatform['exec']> {
    if (!/^\s*(SELECT|WITH)\b/.test(query)) this.writes++;
    return super.exec(query, bindings);
  }
}

/** The statements that write in ten minutes in which each of some agents sends a heartbeat and claims once a minute. */
async function writesOf(agents: number): Promise<number> {
  const platform = new WritesCounted();
  const registry = new RegistryInProcess({ platform });
  const call: Call = callFrom(registry.workspace);
  const ids = Array.from(
    { length: agents },
    (_, number) => `aaaaaaaa-8a52-4f0c-9d0b-${String(number).padStart(12, '0')}`,
  );
  for (const [number, agent_id] of ids.entries()) {
    const profile = { name: `AGENT-${number}`, agent_type: 'implementer', capabilities: [] };
    registry.runtime.register(call, { agent_id, token_id: 'own' }, RegisterAgentRequest().parse(profile));
  }
  platform.writes = 0;
  for (let minute = 0; minute < 10; minute++) {
    for (const id of ids) {
      const agent = { id, registered_by: 'token' };
      const own: Call = { ...call, principal: { ...call.principal, role: 'agent', token_id: 'own', agent } };
      expect(registry.runtime.polls.heartbeat(own, id)).toMatchObject({ ok: true });
      expect(registry.runtime.polls.claim(own, id, 1)).toMatchObject({ ok: true, value: [] });
    }
    await registry.advance(MINUTE_MS);
  }
  return platform.writes;
}

it('the heartbeats of many agents write once, because they keep the registry in memory', async () => {
  expect(await writesOf(250)).toBe(250);
});

it('a heartbeat of few agents writes one row, because the registry leaves memory between them', async () => {
  expect(await writesOf(3)).toBe(3 * 10);
});
