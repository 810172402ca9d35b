import { expect, it } from 'vitest';
import { RegistryInProcess } from '../../support/registry-in-process.ts';
import { AGENT_A, AGENT_B, hello, slotRequest } from '../ports/agent-registry.fixture.ts';

/** The object's host is down for `awayMs`: memory and sockets are lost without close events. */
function restarted({ platform }: RegistryInProcess, clients: { vanish(): void }[], awayMs: number): RegistryInProcess {
  for (const client of clients) client.vanish();
  platform.clock += awayMs;
  const registry = new RegistryInProcess({ platform });
  platform.fireAlarm(() => registry.runtime.alarm());
  return registry;
}

it('an offer that lapses while the registry is down is the same agent’s when it returns, and not refused by it', () => {
  const before = new RegistryInProcess();
  const agent = before.connect(AGENT_A);
  agent.send(hello());
  const other = before.connect(AGENT_B);
  before.runtime.reserve(slotRequest(1));
  const registry = restarted(before, [agent, other], 60_000);

  registry.connect(AGENT_B).send(hello());
  const again = registry.connect(AGENT_A);
  again.send(hello());
  const offers = again.frames().filter(({ type }) => type === 'offer');
  expect(offers).toMatchObject([{ expires_in_ms: 20_000 }]);
  expect(registry.platform.dump().slots).toMatchObject([{ state: 'offered', agent_id: AGENT_A, declined: '{}' }]);
});

it('an offer that lapsed while the registry was down returns to the queue if its agent stays away', async () => {
  const before = new RegistryInProcess();
  const agent = before.connect(AGENT_A);
  agent.send(hello());
  before.runtime.reserve(slotRequest(1));
  const registry = restarted(before, [agent], 60_000);
  const other = registry.connect(AGENT_B);
  other.send(hello());
  await registry.advance(20_000);
  expect(other.frames().filter(({ type }) => type === 'offer')).toHaveLength(1);
});

it('agents that could not be seen for a day, because the registry was down, stay known', async () => {
  const before = new RegistryInProcess();
  const agent = before.connect(AGENT_A);
  agent.send(hello());
  const registry = restarted(before, [agent], 200_000_000);
  expect(registry.platform.dump().agents).toMatchObject([{ id: AGENT_A }]);
  await registry.advance(21_600_000);
  expect(registry.platform.dump().agents, 'until the next review').toEqual([]);
});
