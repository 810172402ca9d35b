import { expect, it } from 'vitest';
import type { Call } from '../../../src/ports/calls.ts';
import { RegisterAgentRequest } from '../../../src/protocol/agent/agent.ts';
import { NodePlatform } from '../../support/node-platform.ts';
import { RegistryInProcess } from '../../support/registry-in-process.ts';
import { AGENT_A, callFrom } from '../ports/agent-registry.fixture.ts';

const MINUTE_MS = 60_000;

/** A platform that counts the statements that write. */
class WritesCounted extends NodePlatform {
  writes = 0;

  override exec(query: string, bindings: Parameters<NodePlatform['exec']>[1]): ReturnType<NodePlatform['exec']> {
    if (!/^\s*(SELECT|WITH)\b/.test(query)) this.writes++;
    return super.exec(query, bindings);
  }
}

it('an agent that sends a heartbeat a minute writes a row an hour, and its claims without work write none', async () => {
  const platform = new WritesCounted();
  const registry = new RegistryInProcess({ platform });
  const profile = { name: 'AGENT-ONE', agent_type: 'implementer', capabilities: [] };
  const call: Call = callFrom(registry.workspace);
  const own: Call = {
    ...call,
    principal: { ...call.principal, role: 'agent', token_id: 'own', agent: { id: AGENT_A, registered_by: 'token' } },
  };
  registry.runtime.register(call, { agent_id: AGENT_A, token_id: 'own' }, RegisterAgentRequest().parse(profile));
  platform.writes = 0;
  for (let minute = 0; minute < 120; minute++) {
    expect(registry.runtime.polls.heartbeat(own, AGENT_A)).toMatchObject({ ok: true });
    expect(registry.runtime.polls.claim(own, AGENT_A, 1)).toMatchObject({ ok: true, value: [] });
    await registry.advance(MINUTE_MS);
  }
  expect(platform.writes).toBe(2);
});
